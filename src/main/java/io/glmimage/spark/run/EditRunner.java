package io.glmimage.spark.run;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.monotonically_increasing_id;
import static org.apache.spark.sql.functions.spark_partition_id;
import static org.apache.spark.sql.functions.udf;

import io.glmimage.digest.Sha256;
import io.glmimage.error.JobException;
import io.glmimage.image.SourceOptions;
import io.glmimage.io.HadoopSettings;
import io.glmimage.io.Retries;
import io.glmimage.io.Storage;
import io.glmimage.manifest.InternalColumns;
import io.glmimage.output.OutputOptions;
import io.glmimage.output.ResultColumn;
import io.glmimage.plan.CostClasses;
import io.glmimage.plan.EditPlan;
import io.glmimage.plan.EditPlanner;
import io.glmimage.plan.GpuCost;
import io.glmimage.spark.engine.EngineOpener;
import io.glmimage.spark.engine.ModelRef;
import io.glmimage.spark.manifest.IdentifiedRows;
import io.glmimage.spark.manifest.PlannedRow;
import io.glmimage.spark.results.PartitionKeys;
import io.glmimage.spark.results.ResultsCommit;
import io.glmimage.spark.results.StoredResults;
import io.glmimage.tensor.DeviceName;
import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.expressions.UserDefinedFunction;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.storage.StorageLevel;

/**
 * One run over a manifest. It finds the rows that earlier runs have not finished, edits them, and
 * writes the result table of all rows. {@link #close} releases the resources that the run holds in
 * Spark.
 */
public final class EditRunner implements AutoCloseable {
  /** Spark's property of a thread: tasks of cancelled jobs are interrupted. */
  private static final String INTERRUPT = "spark.job.interruptOnCancel";

  /** Longest time that a run waits for copies of tasks. */
  private static final long IDLE_SECONDS = 30;

  /** Longest time that a stopped or failed run waits for its tasks. */
  private static final long STOP_SECONDS = 8;

  private final SparkSession spark;
  private final DeviceName device;
  private final boolean images;
  private final RunOutput output;
  private final RunOptions runOptions;
  private final SourceOptions sources;
  private final IdentifiedRows manifest;
  private final StoredResults stored;
  private final ResultsCommit results;
  private final Broadcast<HadoopSettings> hadoop;
  private final String run;

  /** Identifies the model and all options that determine an edited image. */
  private final String modelAndOptions;

  private final RunJobs jobs;
  private final AtomicReference<JobException> stopped = new AtomicReference<>();

  /** All rows; those that need no editing have no values. */
  private Dataset<Row> planned;

  /** Number of rows to do by partition of {@link #planned}; partitions without are left out. */
  private Map<Integer, Long> toDoByPartition = Map.of();

  /** What the rows to do cost; empty if they are planned by number. */
  private List<RowCosts.OfPartition> costs = List.of();

  /**
   * Prepares a run. The methods that start Spark jobs must be called by the same thread.
   *
   * @param model is identified, not loaded
   * @param sources how source images are read
   */
  public EditRunner(
      SparkSession spark,
      ModelRef model,
      DeviceName device,
      RunOutput output,
      RunOptions runOptions,
      SourceOptions sources,
      IdentifiedRows manifest)
      throws IOException {
    this.spark = spark;
    this.device = device;
    this.images = model.touchesImages();
    this.output = output;
    this.runOptions = runOptions;
    this.sources = sources;
    this.manifest = manifest;
    HadoopSettings settings =
        new HadoopSettings(spark.sparkContext().hadoopConfiguration(), runOptions.retries());
    this.hadoop = JavaSparkContext.fromSparkContext(spark.sparkContext()).broadcast(settings);
    Storage storage = settings.storage();
    this.stored = new StoredResults(spark, hadoop, output.layout());
    this.results = new ResultsCommit(spark, hadoop, output.layout(), stored);
    this.run = stored.newRun();
    this.modelAndOptions =
        model.fingerprint(storage)
            + output.encoder().fingerprint()
            + output.quality().fingerprint()
            + sources.fingerprint();
    this.jobs = new RunJobs(spark.sparkContext(), run);
  }

  /** Stops all work; {@link #edit} then throws this. */
  public void stop(JobException why) {
    stopped.compareAndSet(null, why);
    jobs.cancel();
  }

  /** Finds and counts the rows to do. */
  public long countToDo() throws IOException {
    planned = manifest.planned(modelAndOptions);
    if (!stored.isEmpty()) {
      boolean files = images && output.options().check() == OutputOptions.ResumeCheck.FILES;
      planned =
          RowsToDo.marked(
              planned,
              stored.newestRows(RowsToDo.RESULT_COLUMNS),
              output.options().keepFailed(),
              stored.runsInWork(),
              files
                  ? new RowsToDo(
                      output.layout(),
                      output.encoder().format(),
                      output.quality().changeMaps(),
                      hadoop)
                  : null);
    }
    // On disk: in the heap, millions of rows would leave no room for anything else.
    planned = planned.persist(StorageLevel.DISK_ONLY());
    toDoByPartition = new HashMap<>();
    for (Row part : toDo().groupBy(spark_partition_id().as("part")).count().collectAsList()) {
      toDoByPartition.put(part.getAs("part"), part.getAs("count"));
    }
    return toDoByPartition.values().stream().mapToLong(Long::longValue).sum();
  }

  /**
   * Plans the rows to do: by cost, or by number if one task does all or no images are made.
   *
   * @param rows from {@link #countToDo}
   * @param slots number of tasks that run at the same time
   */
  public EditPlan plan(EditPlanner planner, long rows, int slots) {
    if (!images || slots < 2 || rows < 2) {
      return planner.plan(rows, slots);
    }
    // One attempt per file: an estimate does not wait for storage that fails.
    HadoopSettings once =
        new HadoopSettings(
            spark.sparkContext().hadoopConfiguration(),
            new Retries(1, Retries.DEFAULT.firstWaitMillis()));
    Broadcast<HadoopSettings> estimating =
        JavaSparkContext.fromSparkContext(spark.sparkContext()).broadcast(once);
    try {
      costs =
          toDo()
              .javaRDD()
              .mapPartitionsWithIndex(
                  new RowCosts(GpuCost.of(GpuCost.DEFAULT), sources.folders(), estimating), false)
              .collect();
    } finally {
      estimating.destroy();
    }
    CostClasses all = new CostClasses();
    costs.forEach(part -> all.add(part.costs()));
    return planner.plan(all, slots);
  }

  private Dataset<Row> toDo() {
    return planned.filter(col(InternalColumns.ROW).isNotNull()).select(PlannedRow.columns());
  }

  /**
   * Edits the rows to do. The results of finished rows are kept, even if the run fails later.
   *
   * @param opener opens the model in the tasks
   * @param progress receives the row counts
   * @throws JobException if the run was stopped, or too many rows failed
   */
  public void edit(EditPlan plan, EngineOpener opener, RowProgress progress) throws IOException {
    results.begin();
    throwIfStopped(null);
    String interrupts = spark.sparkContext().getLocalProperty(INTERRUPT);
    try {
      if (plan.rows() > 0) {
        progress.watch(this::watch);
        // Stopped tasks end at once, unless the engine works on a row of theirs.
        spark.sparkContext().setLocalProperty(INTERRUPT, "true");
        JavaRDD<Row> rows = partitioned(plan).javaRDD();
        PartitionRunner work = partitionRunner(plan, opener, progress);
        LostExecutors.run(
            () -> {
              throwIfStopped(null);
              rows.foreachPartition(work);
            },
            finishedRows(progress));
        jobs.awaitIdle(IDLE_SECONDS);
      }
      stopIfTooManyFailed(progress.failedRows());
    } catch (Exception e) {
      // Spark throws checked exceptions that it does not declare, also for cancelled jobs.
      awaitTasks(e);
      throwIfStopped(e);
      throw e;
    } finally {
      spark.sparkContext().setLocalProperty(INTERRUPT, interrupts);
    }
    throwIfStopped(null);
  }

  /** The other tasks save finished rows, and must not write after the lock is released. */
  private void awaitTasks(Exception failure) {
    try {
      jobs.awaitIdle(STOP_SECONDS);
    } catch (IOException e) {
      failure.addSuppressed(e);
    }
  }

  private void watch(long failed) {
    if (stopped.get() != null) {
      // It may have been stopped just before its job began.
      jobs.cancel();
    } else {
      stopIfTooManyFailed(failed);
    }
  }

  private void stopIfTooManyFailed(long failed) {
    String problem = runOptions.tooManyFailures(failed, manifest.size());
    if (problem != null) {
      stop(
          new JobException(
              "Stopped: "
                  + problem
                  + " (see the messages in "
                  + output.layout().ledger()
                  + "). Finished rows are kept; the same command continues the run"));
    }
  }

  private PartitionRunner partitionRunner(
      EditPlan plan, EngineOpener opener, RowProgress progress) {
    PartitionWork work =
        new PartitionWork(
            manifest.manifest().defaults(), sources, plan.batchSize(), opener, device, output, run);
    return new PartitionRunner(work, hadoop, progress.counters());
  }

  /** What the run has achieved, for the decision whether to start again after lost executors. */
  private LostExecutors.Progress finishedRows(RowProgress progress) {
    return new LostExecutors.Progress() {
      @Override
      public long rows() throws IOException {
        return stored.finishedRows(run);
      }

      @Override
      public void startAgain() {
        progress.reset();
      }
    };
  }

  /**
   * Whether the existing result table is already what this run would write, so that it can be left
   * in place. Then no rows were to do, and the manifest, its options and the model are the same.
   */
  public boolean isTableCurrent(long rows, long rowsToDo) throws IOException {
    return rowsToDo == 0 && results.isCurrent(rows, madeOf());
  }

  /** Writes the result table. */
  public void commit() throws IOException {
    results.begin();
    results.commit(
        new ResultsCommit.Table(
            manifest,
            planned,
            images ? output.encoder().format() : null,
            output.quality().limits(),
            run,
            madeOf()),
        () -> throwIfStopped(null));
  }

  private String madeOf() {
    String parts =
        // The root, because the table of a folder that was moved has the paths of the old place.
        String.join(
            "\n",
            ResultColumn.names().toString(),
            manifest.manifest().source(),
            modelAndOptions,
            output.quality().limits().toString(),
            output.layout().root());
    return Sha256.hex(parts);
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
   * The rows to do in the partitions of the plan. There, expensive rows come first, and rows of
   * about the same cost are in the order of the manifest.
   */
  private Dataset<Row> partitioned(EditPlan plan) {
    Dataset<Row> placed = plan.isByCost() ? placedByCost(plan) : placedByNumber(plan);
    return placed
        .repartition(plan.partitions(), col(InternalColumns.PLACE))
        .sortWithinPartitions(InternalColumns.NUMBER)
        .drop(InternalColumns.NUMBER, InternalColumns.PLACE);
  }

  /**
   * The rows to do with two more columns: {@code PLACE} sends a row to its partition, and {@code
   * NUMBER} sorts the rows there.
   */
  private Dataset<Row> placedByCost(EditPlan plan) {
    Dataset<Row> toDo = toDo();
    Broadcast<PlacedRows> places =
        JavaSparkContext.fromSparkContext(spark.sparkContext())
            .broadcast(new PlacedRows(plan, costs));
    JavaRDD<Row> placed =
        toDo.javaRDD()
            .mapPartitionsWithIndex(
                (partition, rows) -> places.value().placed(partition, rows), false);
    StructType columns =
        toDo.schema()
            .add(InternalColumns.NUMBER, DataTypes.LongType)
            .add(InternalColumns.PLACE, DataTypes.IntegerType);
    return spark.createDataFrame(placed, columns);
  }

  /** As {@link #placedByCost}, in the order of the manifest. */
  private Dataset<Row> placedByNumber(EditPlan plan) {
    Dataset<Row> toDo = toDo();

    // 1. Number the rows. Every executor gets the counts once, not with each of its tasks.
    Broadcast<RowNumbers> numbers =
        JavaSparkContext.fromSparkContext(spark.sparkContext())
            .broadcast(new RowNumbers(toDoByPartition));
    UserDefinedFunction number =
        udf((UDF1<Long, Long>) id -> numbers.value().of(id), DataTypes.LongType);

    // 2. Give each row the place of the partition that the plan has for its number.
    int[] keys = PartitionKeys.of(plan.partitions());
    UserDefinedFunction key =
        udf((UDF1<Long, Integer>) n -> keys[plan.partitionOf(0, n)], DataTypes.IntegerType);
    return toDo.withColumn(InternalColumns.NUMBER, number.apply(monotonically_increasing_id()))
        .withColumn(InternalColumns.PLACE, key.apply(col(InternalColumns.NUMBER)));
  }

  @Override
  public void close() {
    if (planned != null) {
      // A stopped run waits: Spark may stop next, and would print the trace of what it cannot
      // finish.
      planned.unpersist(stopped.get() != null);
    }
    hadoop.destroy();
    jobs.close();
  }
}
