package io.glmimage.spark.run;

import io.glmimage.error.Causes;
import io.glmimage.error.GlmImageException;
import java.io.IOException;
import java.util.Iterator;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.apache.spark.SparkExecutorInfo;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.function.VoidFunction;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs a Spark job to its end although executors die. Spark aborts a job after it has lost the same
 * task a few times ({@code spark.task.maxFailures}), or the outputs of a shuffle ({@code
 * spark.stage.maxConsecutiveAttempts}). With machines that may be lost, such as spot instances,
 * both are to be expected. The results of finished rows are safe, so the job is restarted as long
 * as every start finishes rows.
 */
final class LostExecutors {
  private static final Logger LOG = LoggerFactory.getLogger(LostExecutors.class);

  /**
   * Number of starts in a row without progress after which the job fails. A row that kills its
   * process is found within two starts; several such rows in one partition take longer.
   */
  static final int STARTS_WITHOUT_PROGRESS = 3;

  private static final long LONGEST_WAIT_SECONDS = 30;
  private static final long POLL_MILLIS = 50;

  /** Spark's message when it aborts a job; a task's own failure has its exception there. */
  private static final Pattern LOSS =
      Pattern.compile(
          "most recent failure: Lost task [^:]*: ExecutorLostFailure"
              + "|(?:Result|ShuffleMap)Stage .* has failed the maximum allowable number of times");

  private LostExecutors() {}

  /** The progress of a run. */
  interface Progress {
    /** Number of finished rows. */
    long rows() throws IOException;

    /** Called before all partitions run again, including those that are finished. */
    void startAgain();
  }

  /** A Spark job. Spark throws checked exceptions that it does not declare. */
  @FunctionalInterface
  interface Job {
    void run() throws IOException;
  }

  /** As {@code rows.foreachPartition(work)}. */
  static void foreachPartition(
      JavaRDD<Row> rows, VoidFunction<Iterator<Row>> work, Progress progress) throws IOException {
    run(() -> rows.foreachPartition(work), progress);
  }

  /** Runs the job until it ends, or fails for another reason than lost executors. */
  static void run(Job job, Progress progress) throws IOException {
    long done = 0;
    int withoutProgress = 0;
    while (true) {
      try {
        job.run();
        return;
      } catch (Exception e) {
        if (!isLoss(e)) {
          throw e;
        }
        long now = rows(progress, done);
        withoutProgress = now > done ? 0 : withoutProgress + 1;
        done = Math.max(done, now);
        if (withoutProgress == STARTS_WITHOUT_PROGRESS) {
          throw e;
        }
        LOG.warn(
            "Spark aborted the job because executors were lost; starting it again with {} finished"
                + " rows: {}",
            now,
            Causes.firstLine(e));
        progress.startAgain();
      }
    }
  }

  /** Number of finished rows, or the number before if counting them loses executors again. */
  private static long rows(Progress progress, long before) throws IOException {
    try {
      return progress.rows();
    } catch (Exception e) {
      if (!isLoss(e)) {
        throw e;
      }
      LOG.warn("Cannot count the finished rows: {}", Causes.firstLine(e));
      return before;
    }
  }

  /** Whether Spark aborted a job because of lost executors, not because of a failed task. */
  static boolean isLoss(Throwable error) {
    return !(Causes.root(error) instanceof GlmImageException)
        && error.getMessage() != null
        && LOSS.matcher(error.getMessage()).find();
  }

  /**
   * Waits for tasks whose results are not needed any more, such as the slower copy of a task. They
   * write files until they end.
   */
  static void awaitIdle(SparkSession spark) throws IOException {
    awaitIdle(spark, LONGEST_WAIT_SECONDS);
  }

  /** As {@link #awaitIdle(SparkSession)}, for at most so many seconds. */
  static void awaitIdle(SparkSession spark, long seconds) throws IOException {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
    for (int tasks = runningTasks(spark); tasks > 0; tasks = runningTasks(spark)) {
      if (System.nanoTime() > end) {
        LOG.warn("{} tasks that are no longer needed still run; not waiting for them", tasks);
        return;
      }
      try {
        Thread.sleep(POLL_MILLIS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IOException("Interrupted while waiting for tasks to end", e);
      }
    }
  }

  private static int runningTasks(SparkSession spark) {
    int tasks = 0;
    for (SparkExecutorInfo executor : spark.sparkContext().statusTracker().getExecutorInfos()) {
      tasks += executor.numRunningTasks();
    }
    return tasks;
  }
}
