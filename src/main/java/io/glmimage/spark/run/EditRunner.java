package io.glmimage.spark.run;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.spark_partition_id;

import io.glmimage.error.JobException;
import io.glmimage.io.HadoopSettings;
import io.glmimage.io.Storage;
import io.glmimage.output.EditedImageEncoder;
import io.glmimage.output.OutputLayout;
import io.glmimage.output.OutputOptions;
import io.glmimage.output.ResultColumn;
import io.glmimage.plan.EditPlan;
import io.glmimage.spark.engine.EngineFactory;
import io.glmimage.spark.manifest.ManifestTable;
import io.glmimage.spark.results.Ledger;
import io.glmimage.spark.results.PartitionKeys;
import io.glmimage.spark.results.ResultsCommit;
import io.glmimage.weights.ModelFingerprint;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.Function2;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.storage.StorageLevel;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Does what is to be done of a manifest: finds the rows that no earlier run has done, edits them,
 * and makes the result table of all. Close it to release what Spark holds for it.
 */
public final class EditRunner implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(EditRunner.class);
  private static final String NUMBER = "__glm_image_number";
  private static final String PLACE = "__glm_image_place";

  /** Of partitions and buckets; the driver holds as many small objects. */
  private static final int MOST_COUNTS = 200_000;

  private final SparkSession spark;
  private final String device;
  private final EditedImageEncoder encoder;
  private final boolean pictures;
  private final OutputLayout output;
  private final OutputOptions options;
  private final RunOptions limits;
  private final ManifestTable manifest;
  private final Ledger ledger;
  private final ResultsCommit results;
  private final Broadcast<HadoopSettings> hadoop;
  private final String run;
  private final String model;
  private final AtomicReference<JobException> stopped = new AtomicReference<>();
  private Dataset<Row> toDo;

  /**
   * @param engines tells what model it is; nothing is loaded here
   */
  public EditRunner(
      SparkSession spark,
      EngineFactory engines,
      String device,
      EditedImageEncoder encoder,
      OutputLayout output,
      OutputOptions options,
      RunOptions limits,
      ManifestTable manifest)
      throws IOException {
    this.spark = spark;
    this.device = device;
    this.encoder = encoder;
    this.pictures = engines.touchesPictures();
    this.output = output;
    this.options = options;
    this.limits = limits;
    this.manifest = manifest;
    HadoopSettings settings =
        new HadoopSettings(spark.sparkContext().hadoopConfiguration(), limits.retries());
    Storage storage = settings.storage();
    this.ledger = new Ledger(spark, settings, output);
    this.results = new ResultsCommit(spark, storage, output, ledger);
    this.run = ledger.newRun();
    this.model = engines.fingerprint(storage) + encoder.fingerprint();
    this.hadoop = JavaSparkContext.fromSparkContext(spark.sparkContext()).broadcast(settings);
  }

  /** Names this run in the result table. */
  public String run() {
    return run;
  }

  /** Stops all work; {@link #edit} then throws this. */
  public void stop(JobException why) {
    stopped.compareAndSet(null, why);
    spark.sparkContext().cancelAllJobs();
  }

  /** Counts the rows that are to be done. */
  public long countToDo() throws IOException {
    Dataset<Row> rows = manifest.rows(model);
    if (ledger.isEmpty()) {
      toDo = rows;
    } else {
      Dataset<Row> lines =
          ledger.lines(
              List.of(
                  ResultColumn.STATUS, ResultColumn.FINGERPRINT, ResultColumn.SOURCES_FINGERPRINT));
      List<Column> columns = new ArrayList<>();
      for (String column : rows.columns()) {
        columns.add(col(column));
      }
      columns.add(ManifestTable.line(ResultColumn.STATUS));
      columns.add(ManifestTable.line(ResultColumn.FINGERPRINT));
      columns.add(ManifestTable.line(ResultColumn.SOURCES_FINGERPRINT));
      toDo =
          spark.createDataFrame(
              manifest
                  .withLines(rows, lines)
                  .select(columns.toArray(Column[]::new))
                  .javaRDD()
                  .mapPartitions(
                      new RowsToDo(
                          manifest.reader(),
                          output,
                          pictures ? encoder.format() : null,
                          options,
                          ledger.dirty(),
                          hadoop)),
              rows.schema());
    }
    // Not in the heap, where millions of rows would crowd out everything else.
    toDo = toDo.persist(StorageLevel.DISK_ONLY());
    return toDo.count();
  }

  /**
   * Edits the rows that are to be done; what is done is safe, whatever happens then.
   *
   * @param engines how tasks open the model
   * @param progress counts rows while they are done; it may run ahead if a task is repeated
   * @throws JobException if it was stopped, or too many rows failed
   */
  public void edit(EditPlan plan, EngineFactory engines, RowProgress progress) throws IOException {
    results.begin();
    RowProgress.Watch watch =
        failed -> {
          String problem = limits.tooManyFailures(failed, plan.rows());
          if (problem != null) {
            stop(
                new JobException(
                    "Cannot go on: "
                        + problem
                        + " (see the messages in "
                        + output.lines()
                        + "; what is done is kept, and running the same command again goes on)"));
          }
        };
    PartitionRunner runner =
        new PartitionRunner(
            new PartitionWork(
                manifest.reader(),
                plan.batchSize(),
                engines,
                device,
                output,
                encoder,
                run,
                options.commitSeconds()),
            hadoop,
            progress.counters());
    try {
      if (plan.rows() > 0) {
        progress.watch(watch);
        LostExecutors.foreachPartition(
            planned(plan).javaRDD(),
            runner,
            new LostExecutors.Progress() {
              @Override
              public long rows() throws IOException {
                return ledger.done(run);
              }

              @Override
              public void startAgain() {
                progress.reset();
              }
            });
        LostExecutors.awaitIdle(spark);
      }
      watch.failed(progress.failedRows());
    } catch (Exception e) {
      // Spark throws checked exceptions that it does not declare: one of them if jobs are
      // cancelled.
      throwIfStopped(e);
      throw e;
    }
    throwIfStopped(null);
  }

  /**
   * Whether the result table of an earlier run is this run's, too, so that whoever reads it need
   * not be disturbed: nothing was to be done, and the manifest, its options and the model are the
   * same.
   */
  public boolean tableStands(long rows, long rowsToDo) throws IOException {
    return rowsToDo == 0 && results.stands(rows, madeOf());
  }

  /** Makes the result table. */
  public void commit(long rows) throws IOException {
    results.begin();
    results.commit(
        manifest,
        model,
        pictures ? encoder.format() : null,
        rows,
        run,
        madeOf(),
        () -> throwIfStopped(null));
  }

  private String madeOf() {
    String parts = String.join("\n", ResultColumn.names().toString(), manifest.source(), model);
    return ModelFingerprint.sha256Hex(parts.getBytes(StandardCharsets.UTF_8));
  }

  private void throwIfStopped(Exception suppressed) {
    JobException why = stopped.get();
    if (why != null) {
      JobException failure = new JobException(why.getMessage(), why);
      if (suppressed != null) {
        failure.addSuppressed(suppressed);
      }
      throw failure;
    }
  }

  /**
   * The rows to do in the partitions of the plan, in such an order that rows of a bucket follow
   * each other. Two passes over small counts instead of a sort of all rows.
   */
  private Dataset<Row> planned(EditPlan plan) {
    List<Row> counts = counts(col(ManifestTable.BUCKET));
    boolean bucketed = counts.size() <= MOST_COUNTS;
    if (!bucketed) {
      LOG.warn(
          "The rows differ so much in size and settings that they are left in the manifest's order;"
              + " few of them can share a batch");
      counts = counts(lit(""));
    }
    // To each executor once; tasks' own copies would grow with the square of their number.
    Broadcast<Map<Integer, Map<String, Long>>> starts =
        JavaSparkContext.fromSparkContext(spark.sparkContext()).broadcast(starts(counts));
    int[] keys = PartitionKeys.of(plan.partitions());
    int columns = toDo.columns().length;
    Function2<Integer, Iterator<Row>, Iterator<Row>> number =
        (partition, rows) -> {
          Map<String, Long> mine = new HashMap<>(starts.value().getOrDefault(partition, Map.of()));
          return Iterators.map(
              rows,
              row -> {
                String bucket = bucketed ? row.getAs(ManifestTable.BUCKET) : "";
                long n = mine.merge(bucket, 1L, Long::sum) - 1;
                Object[] values = new Object[columns + 2];
                for (int i = 0; i < columns; i++) {
                  values[i] = row.get(i);
                }
                values[columns] = n;
                values[columns + 1] = keys[plan.partitionOf(n)];
                return RowFactory.create(values);
              });
        };
    return spark
        .createDataFrame(
            toDo.javaRDD().mapPartitionsWithIndex(number, true),
            toDo.schema().add(NUMBER, DataTypes.LongType).add(PLACE, DataTypes.IntegerType))
        .repartition(plan.partitions(), col(PLACE))
        .sortWithinPartitions(NUMBER)
        .drop(NUMBER, PLACE, ManifestTable.BUCKET);
  }

  /** How many rows each partition has of each bucket; only a few too many if there are too many. */
  private List<Row> counts(Column bucket) {
    return toDo.select(spark_partition_id().as("partition"), bucket.as("bucket"))
        .groupBy("partition", "bucket")
        .count()
        .limit(MOST_COUNTS + 1)
        .collectAsList();
  }

  /** The number of the first row of each bucket in each partition. */
  private static Map<Integer, Map<String, Long>> starts(List<Row> counts) {
    List<Row> sorted = new ArrayList<>(counts);
    sorted.sort(
        Comparator.<Row, String>comparing(row -> row.getString(1))
            .thenComparingInt(row -> row.getInt(0)));
    Map<Integer, Map<String, Long>> starts = new HashMap<>();
    long next = 0;
    for (Row row : sorted) {
      starts.computeIfAbsent(row.getInt(0), key -> new HashMap<>()).put(row.getString(1), next);
      next += row.getLong(2);
    }
    return starts;
  }

  @Override
  public void close() {
    if (toDo != null) {
      toDo.unpersist(false);
    }
    hadoop.destroy();
  }
}
