package io.glmimage.spark.run;

import java.io.IOException;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import org.apache.spark.SparkContext;
import org.apache.spark.SparkExecutorInfo;
import org.apache.spark.SparkJobInfo;
import org.apache.spark.SparkStageInfo;
import org.apache.spark.SparkStatusTracker;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.Option;

/**
 * The Spark jobs of a run: those that its thread starts until {@link #close}. The application may
 * have others, such as the cells of a notebook, which are neither cancelled nor waited for.
 */
final class RunJobs implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(RunJobs.class);
  private static final long POLL_MILLIS = 50;

  private final SparkContext spark;
  private final String tag;

  /**
   * @param run the name of the run
   */
  RunJobs(SparkContext spark, String run) {
    this.spark = spark;
    this.tag = "glm-image-" + run;
    spark.addJobTag(tag);
  }

  /** Cancels the jobs that run now. */
  void cancel() {
    spark.cancelJobsWithTag(tag);
  }

  /**
   * Waits for tasks whose results are not needed any more, such as the slower copy of a task. They
   * write files until they end.
   *
   * @param seconds the longest time
   */
  void awaitIdle(long seconds) throws IOException {
    if (spark.isStopped()) {
      return;
    }
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
    for (int tasks = runningTasks(); tasks > 0; tasks = runningTasks()) {
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

  /** Running tasks that are not of other jobs. Tasks may outlive their own job. */
  private int runningTasks() {
    SparkStatusTracker tracker = spark.statusTracker();
    int tasks = 0;
    for (SparkExecutorInfo executor : tracker.getExecutorInfos()) {
      tasks += executor.numRunningTasks();
    }
    if (tasks == 0) {
      return 0;
    }
    int[] own = tracker.getJobIdsForTag(tag);
    int[] others =
        Arrays.stream(tracker.getActiveJobIds())
            .filter(job -> Arrays.stream(own).noneMatch(id -> id == job))
            .flatMap(job -> Arrays.stream(stages(tracker, job)))
            .distinct()
            .toArray();
    for (int stage : others) {
      Option<SparkStageInfo> info = tracker.getStageInfo(stage);
      tasks -= info.isDefined() ? info.get().numActiveTasks() : 0;
    }
    return tasks;
  }

  private static int[] stages(SparkStatusTracker tracker, int job) {
    Option<SparkJobInfo> info = tracker.getJobInfo(job);
    return info.isDefined() ? info.get().stageIds() : new int[0];
  }

  @Override
  public void close() {
    if (!spark.isStopped()) {
      spark.removeJobTag(tag);
    }
  }
}
