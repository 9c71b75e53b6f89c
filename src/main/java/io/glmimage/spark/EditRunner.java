package io.glmimage.spark;

import static org.apache.spark.sql.functions.col;

import io.glmimage.error.JobException;
import io.glmimage.io.HadoopSettings;
import io.glmimage.io.Storage;
import io.glmimage.manifest.ManifestRow;
import io.glmimage.manifest.RowOutcome;
import io.glmimage.manifest.RowReader;
import io.glmimage.output.OutputLayout;
import io.glmimage.output.OutputOptions;
import io.glmimage.output.PictureEncoder;
import io.glmimage.output.ResultColumn;
import io.glmimage.plan.EditPlan;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.Function2;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.storage.StorageLevel;
import scala.Tuple2;

/**
 * Does what is to be done of a manifest: finds the rows that no earlier run has done, edits them,
 * and makes the result table of all. Close it to release what Spark holds for it.
 */
public final class EditRunner implements AutoCloseable {
  private final SparkSession spark;
  private final String device;
  private final PictureEncoder encoder;
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
  private JavaRDD<Row> toDo;

  /**
   * @param engines tells what model it is; nothing is loaded here
   */
  public EditRunner(
      SparkSession spark,
      EngineFactory engines,
      String device,
      PictureEncoder encoder,
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
    this.ledger = new Ledger(spark, storage, output);
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
      toDo = rows.javaRDD();
    } else {
      Dataset<Row> compared =
          manifest
              .withLines(rows, ledger.lines())
              .select(
                  col(ManifestTable.INDEX),
                  col(ManifestTable.ID),
                  col(ManifestTable.FINGERPRINT),
                  col(ManifestTable.FIELDS),
                  ManifestTable.line(ResultColumn.STATUS),
                  ManifestTable.line(ResultColumn.FINGERPRINT),
                  ManifestTable.line(ResultColumn.SOURCES_FINGERPRINT));
      toDo =
          compared
              .javaRDD()
              .mapPartitions(
                  new RowsToDo(
                      manifest.reader(),
                      output,
                      pictures ? encoder.format() : null,
                      options,
                      ledger.dirty(),
                      hadoop));
    }
    toDo = toDo.persist(StorageLevel.MEMORY_AND_DISK());
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
            new PartitionRunner.Work(
                manifest.reader(),
                plan.batchSize(),
                engines,
                device,
                output,
                encoder,
                run,
                options.commitSeconds()),
            hadoop,
            progress.done(),
            progress.failed(),
            progress.loading(),
            progress.engines());
    try {
      if (plan.rows() > 0) {
        progress.watch(watch);
        JavaRDD<Row> planned =
            numbered().repartitionAndSortWithinPartitions(new PlanPartitioner(plan)).values();
        LostExecutors.foreachPartition(
            planned,
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

  /** Makes the result table. */
  public void commit(long rows) throws IOException {
    results.begin();
    results.commit(
        manifest, model, pictures ? encoder.format() : null, rows, run, () -> throwIfStopped(null));
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
   * The rows to do, numbered such that rows of a bucket (which can share a batch) follow each
   * other. Two passes over small counts instead of a sort of the rows.
   */
  private JavaPairRDD<Long, Row> numbered() {
    RowReader reader = manifest.reader();
    // By partition: the rows of each bucket.
    List<Map<String, Long>> counts =
        toDo.mapPartitions(
                rows -> {
                  Map<String, Long> mine = new HashMap<>();
                  while (rows.hasNext()) {
                    mine.merge(bucket(rows.next(), reader), 1L, Long::sum);
                  }
                  return List.of(mine).iterator();
                })
            .collect();
    TreeMap<String, Long> sizes = new TreeMap<>();
    counts.forEach(part -> part.forEach((bucket, n) -> sizes.merge(bucket, n, Long::sum)));
    Map<String, Long> next = new HashMap<>();
    long start = 0;
    for (Map.Entry<String, Long> bucket : sizes.entrySet()) {
      next.put(bucket.getKey(), start);
      start += bucket.getValue();
    }
    List<Map<String, Long>> starts = new ArrayList<>();
    for (Map<String, Long> part : counts) {
      Map<String, Long> mine = new HashMap<>();
      part.forEach(
          (bucket, n) -> {
            mine.put(bucket, next.get(bucket));
            next.merge(bucket, n, Long::sum);
          });
      starts.add(mine);
    }
    Function2<Integer, Iterator<Row>, Iterator<Tuple2<Long, Row>>> number =
        (partition, rows) -> {
          Map<String, Long> mine = new HashMap<>(starts.get(partition));
          return Iterators.map(
              rows, row -> new Tuple2<>(mine.merge(bucket(row, reader), 1L, Long::sum) - 1, row));
        };
    return toDo.mapPartitionsWithIndex(number, true).mapToPair(pair -> pair);
  }

  /** Rows of one bucket make batches that the model can run as one. */
  private static String bucket(Row row, RowReader reader) {
    Row fields = row.getStruct(3);
    RowOutcome outcome =
        reader.read(
            row.getLong(0),
            row.getString(1),
            ManifestTable.values(fields, fields.size(), reader.schema()));
    return outcome instanceof ManifestRow valid
        ? String.format(
            "%03d %s %s %d %b",
            valid.sources().size(),
            valid.height(),
            valid.width(),
            valid.steps(),
            valid.guidanceScale() > 1)
        : "";
  }

  @Override
  public void close() {
    if (toDo != null) {
      toDo.unpersist(false);
    }
    hadoop.destroy();
  }
}
