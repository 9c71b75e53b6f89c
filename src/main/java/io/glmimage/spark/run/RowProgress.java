package io.glmimage.spark.run;

import io.glmimage.output.KernelUse;
import io.glmimage.output.RunFigures;
import io.glmimage.spark.engine.EngineCounters;
import io.glmimage.spark.engine.KernelSelections;
import io.glmimage.spark.engine.LoadCounters;
import java.util.HashMap;
import java.util.Map;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerExecutorMetricsUpdate;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.util.LongAccumulator;

/**
 * Counts rows while tasks run: what ended tasks have counted, plus what the executors' heartbeats
 * say of running ones. For showing only; a repeated task counts its rows again.
 */
public final class RowProgress implements AutoCloseable {
  private final SparkSession spark;
  private final LongAccumulator done;
  private final LongAccumulator failed;
  private final LoadCounters loading;
  private final EngineCounters engines;
  private final Listener listener = new Listener();
  private volatile Watch watch;

  /** Told now and then how many rows have failed. */
  @FunctionalInterface
  interface Watch {
    void failed(long rows);
  }

  public RowProgress(SparkSession spark) {
    this.spark = spark;
    this.done = spark.sparkContext().longAccumulator("rows done");
    this.failed = spark.sparkContext().longAccumulator("rows failed");
    this.loading =
        new LoadCounters(
            spark.sparkContext().longAccumulator("model bytes to load"),
            spark.sparkContext().longAccumulator("model bytes loaded"));
    this.engines =
        new EngineCounters(
            spark.sparkContext().longAccumulator("engine microseconds busy"),
            spark.sparkContext().longAccumulator("engine microseconds waiting"),
            new KernelSelections());
    spark.sparkContext().register(engines.kernels(), "kernel selections");
    spark.sparkContext().addSparkListener(listener);
  }

  /** Rows done so far, failed ones included. */
  public long doneRows() {
    return done.value() + listener.running(done.id());
  }

  /** Rows failed so far. */
  public long failedRows() {
    return failed.value() + listener.running(failed.id());
  }

  /**
   * How much of the model the executors that are loading it have loaded, in percent, or -1 where
   * none has said so.
   */
  public int loadedPercent() {
    long total = loading.total().value() + listener.running(loading.total().id());
    long loaded = loading.loaded().value() + listener.running(loading.loaded().id());
    return total == 0 ? -1 : (int) Math.min(100, loaded * 100 / total);
  }

  /** Forgets what was counted: it will be counted again. */
  void reset() {
    done.reset();
    failed.reset();
    listener.reset();
  }

  /** How the engines have spent their time, as far as tasks have ended. */
  public RunFigures.EngineTime engineTime() {
    return new RunFigures.EngineTime(
        engines.busyMicros().value() / 1e6, engines.waitMicros().value() / 1e6);
  }

  /** What the operations of the model ran on, as far as tasks have ended. */
  public Map<String, KernelUse> kernels() {
    return engines.kernels().byOperation();
  }

  /** Calls this, on Spark's listener thread, whenever a task says how far it is. */
  void watch(Watch newWatch) {
    watch = newWatch;
  }

  private void tell() {
    Watch told = watch;
    if (told != null) {
      told.failed(failedRows());
    }
  }

  LongAccumulator done() {
    return done;
  }

  LongAccumulator failed() {
    return failed;
  }

  LoadCounters loading() {
    return loading;
  }

  EngineCounters engines() {
    return engines;
  }

  @Override
  public void close() {
    spark.sparkContext().removeSparkListener(listener);
  }

  private final class Listener extends SparkListener {
    /** By task, then by accumulator. */
    private final Map<Long, Map<Long, Long>> running = new HashMap<>();

    synchronized long running(long accumulator) {
      return running.values().stream().mapToLong(c -> c.getOrDefault(accumulator, 0L)).sum();
    }

    synchronized void reset() {
      running.clear();
    }

    @Override
    public void onExecutorMetricsUpdate(SparkListenerExecutorMetricsUpdate update) {
      add(update);
      tell();
    }

    private synchronized void add(SparkListenerExecutorMetricsUpdate update) {
      // Iterators only: the collections' types differ between Scala 2.12 and 2.13.
      var tasks = update.accumUpdates().iterator();
      while (tasks.hasNext()) {
        var task = tasks.next();
        Map<Long, Long> counts = new HashMap<>();
        var accumulators = task._4().iterator();
        while (accumulators.hasNext()) {
          var accumulator = accumulators.next();
          if (accumulator.update().isDefined()
              && accumulator.update().get() instanceof Long count) {
            counts.put(accumulator.id(), count);
          }
        }
        running.put((Long) task._1(), counts);
      }
    }

    @Override
    public void onTaskEnd(SparkListenerTaskEnd end) {
      remove(end.taskInfo().taskId());
      tell();
    }

    private synchronized void remove(long task) {
      running.remove(task);
    }
  }
}
