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
 * Runs a Spark job to its end although executors die. Spark gives a job up when the same task was
 * lost a few times ({@code spark.task.maxFailures}), or when the outputs of a shuffle were ({@code
 * spark.stage.maxConsecutiveAttempts}), which on machines that come and go is a matter of time.
 * What tasks have finished is safe, so the job is started again as long as each start finishes
 * rows.
 */
final class LostExecutors {
  private static final Logger LOG = LoggerFactory.getLogger(LostExecutors.class);

  /**
   * A row that kills its process is found within two starts; more of them in one partition take
   * longer.
   */
  static final int STARTS_WITHOUT_PROGRESS = 3;

  private static final long LONGEST_WAIT_SECONDS = 30;
  private static final long POLL_MILLIS = 50;

  /** What Spark says when it gives up; tasks' own failures name their exception there. */
  private static final Pattern LOSS =
      Pattern.compile(
          "most recent failure: Lost task [^:]*: ExecutorLostFailure"
              + "|(?:Result|ShuffleMap)Stage .* has failed the maximum allowable number of times");

  private LostExecutors() {}

  /** What a run knows of itself. */
  interface Progress {
    /** How many rows are done. */
    long rows() throws IOException;

    /** All partitions run once more; those that were done find that they are. */
    void startAgain();
  }

  /** As {@code rows.foreachPartition(work)}. */
  static void foreachPartition(
      JavaRDD<Row> rows, VoidFunction<Iterator<Row>> work, Progress progress) throws IOException {
    long done = 0;
    int without = 0;
    while (true) {
      try {
        rows.foreachPartition(work);
        return;
      } catch (Exception e) {
        // Spark throws checked exceptions that it does not declare.
        if (!isLoss(e)) {
          throw e;
        }
        long now = rows(progress, done);
        without = now > done ? 0 : without + 1;
        done = Math.max(done, now);
        if (without == STARTS_WITHOUT_PROGRESS) {
          throw e;
        }
        LOG.warn(
            "Spark gave up since executors were lost; starting again, {} rows are done: {}",
            now,
            Causes.firstLine(e));
        progress.startAgain();
      }
    }
  }

  /** What is done; what was when it is not to be found out now, for executors are lost again. */
  private static long rows(Progress progress, long before) throws IOException {
    try {
      return progress.rows();
    } catch (Exception e) {
      if (!isLoss(e)) {
        throw e;
      }
      LOG.warn("Cannot count the rows that are done: {}", Causes.firstLine(e));
      return before;
    }
  }

  /** Whether a job was given up because executors were lost, and not because of what a task did. */
  static boolean isLoss(Throwable error) {
    return !(Causes.root(error) instanceof GlmImageException)
        && error.getMessage() != null
        && LOSS.matcher(error.getMessage()).find();
  }

  /**
   * Waits for tasks that nobody needs any more, copies of others that were faster: until they have
   * ended they write.
   */
  static void awaitIdle(SparkSession spark) throws IOException {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(LONGEST_WAIT_SECONDS);
    for (int tasks = runningTasks(spark); tasks > 0; tasks = runningTasks(spark)) {
      if (System.nanoTime() > end) {
        LOG.warn("{} tasks are still running that nobody needs; not waiting for them", tasks);
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
