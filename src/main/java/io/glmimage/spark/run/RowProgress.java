package io.glmimage.spark.run;

import io.glmimage.output.EditFigures;
import io.glmimage.output.KernelUse;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerExecutorMetricsUpdate;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.scheduler.SparkListenerTaskStart;
import org.apache.spark.scheduler.TaskInfo;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.util.LongAccumulator;

/**
 * Counts rows while tasks run: the counts of tasks that have ended, plus those that the executors'
 * heartbeats report for running tasks. The rows of a partition count once, also while Spark runs a
 * copy of its task.
 */
public final class RowProgress implements AutoCloseable {
  private final SparkSession spark;
  private final RunCounters counters;
  private final Listener listener = new Listener();
  private volatile Watch watch;

  /** Receives the number of failed rows from time to time. */
  @FunctionalInterface
  interface Watch {
    void failed(long rows);
  }

  public RowProgress(SparkSession spark) {
    this.spark = spark;
    this.counters = RunCounters.of(spark.sparkContext());
    spark.sparkContext().addSparkListener(listener);
    new RunMetrics(this).register();
  }

  /** Rows with a result so far, failed rows included. */
  public long doneRows() {
    return current(counters.done());
  }

  /** Rows that have failed so far. */
  public long failedRows() {
    return current(counters.failed());
  }

  /**
   * Progress of loading the model, in percent, over all executors that load it; -1 if none has
   * reported any.
   */
  public int loadedPercent() {
    long total = current(counters.loading().total());
    long loaded = current(counters.loading().loaded());
    return total == 0 ? -1 : (int) Math.min(100, loaded * 100 / total);
  }

  /** Spark adds a task's counts to the counter before the listener hears that it has ended. */
  private long current(LongAccumulator counter) {
    long ended = counter.value();
    return Math.max(ended, listener.current(counter.id(), ended));
  }

  /** Sets the row counts to zero, because all tasks will count their rows again. */
  void reset() {
    counters.done().reset();
    counters.failed().reset();
    counters.sources().reset();
    listener.reset();
  }

  /** How the engines spent their time in the tasks that have ended. */
  public EditFigures.EngineTime engineTime() {
    return new EditFigures.EngineTime(
        counters.engines().busyMicros().value() / 1e6,
        counters.engines().waitMicros().value() / 1e6);
  }

  /** The kernels that the operations of the model ran on, from the tasks that have ended. */
  public Map<String, KernelUse> kernels() {
    return counters.engines().kernels().byOperation();
  }

  /** Source images by their traits, from the tasks that have ended. */
  public Map<String, Long> sources() {
    return counters.sources().counts();
  }

  /** Sets what is called, on Spark's listener thread, whenever a task reports progress. */
  void watch(Watch newWatch) {
    watch = newWatch;
  }

  private void callWatch() {
    Watch called = watch;
    if (called != null) {
      called.failed(failedRows());
    }
  }

  RunCounters counters() {
    return counters;
  }

  /** Receives the starts and ends of tasks, and the heartbeats of executors. */
  SparkListener listener() {
    return listener;
  }

  @Override
  public void close() {
    spark.sparkContext().removeSparkListener(listener);
  }

  /** What a task works on. Copies of a task have the same part. */
  private record Part(int stage, int partition) {}

  private final class Listener extends SparkListener {
    /** Counts of running tasks: by task id, then by accumulator id. */
    private final Map<Long, Map<Long, Long>> running = new HashMap<>();

    /** Parts of the tasks that have started and not ended, by task id. */
    private final Map<Long, Part> parts = new HashMap<>();

    /** Tasks that are known to have ended. Spark may report a heartbeat after that. */
    private final Set<Long> endedTasks = new HashSet<>();

    /** Their parts, if they were successful. Copies of such a task may still run. */
    private final Set<Part> endedParts = new HashSet<>();

    /** Their counts, by accumulator id. */
    private final Map<Long, Long> ended = new HashMap<>();

    /**
     * @param most counts of the tasks that have ended, known or not
     */
    synchronized long current(long accumulator, long most) {
      Map<Object, Long> byPart = new HashMap<>();
      running.forEach(
          (task, counts) -> {
            Object part = parts.containsKey(task) ? parts.get(task) : task;
            if (!endedParts.contains(part)) {
              byPart.merge(part, counts.getOrDefault(accumulator, 0L), Math::max);
            }
          });
      return Math.min(ended.getOrDefault(accumulator, 0L), most)
          + byPart.values().stream().mapToLong(count -> count).sum();
    }

    /** Forgets all counts. Tasks that still run belong to a job that Spark has aborted. */
    synchronized void reset() {
      endedTasks.addAll(parts.keySet());
      endedTasks.addAll(running.keySet());
      parts.clear();
      running.clear();
      ended.clear();
    }

    @Override
    public synchronized void onTaskStart(SparkListenerTaskStart start) {
      TaskInfo task = start.taskInfo();
      parts.put(task.taskId(), new Part(start.stageId(), task.partitionId()));
    }

    @Override
    public void onExecutorMetricsUpdate(SparkListenerExecutorMetricsUpdate update) {
      add(update);
      callWatch();
    }

    private synchronized void add(SparkListenerExecutorMetricsUpdate update) {
      // Iterators only: the types of the collections differ between Scala 2.12 and 2.13.
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
        Long id = (Long) task._1();
        if (!endedTasks.contains(id)) {
          running.put(id, counts);
        }
      }
    }

    @Override
    public void onTaskEnd(SparkListenerTaskEnd end) {
      ended(end.taskInfo());
      callWatch();
    }

    private synchronized void ended(TaskInfo task) {
      Part part = parts.remove(task.taskId());
      if (part != null && task.successful()) {
        endedParts.add(part);
      }
      running.remove(task.taskId());
      endedTasks.add(task.taskId());
      var accumulators = task.accumulables().iterator();
      while (accumulators.hasNext()) {
        var accumulator = accumulators.next();
        if (accumulator.value().isDefined() && accumulator.value().get() instanceof Long count) {
          ended.merge(accumulator.id(), count, Math::max);
        }
      }
    }
  }
}
