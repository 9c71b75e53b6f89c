package io.glmimage.spark.run;

import java.io.IOException;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.apache.spark.SparkContext;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerJobEnd;
import org.apache.spark.scheduler.SparkListenerJobStart;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.scheduler.SparkListenerTaskStart;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The Spark jobs of a run: those that its thread starts until {@link #close}. The application may
 * have others, such as the cells of a notebook, which are neither cancelled nor waited for.
 */
final class RunJobs implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(RunJobs.class);
  private static final long POLL_MILLIS = 50;

  /** Spark's property of a job: its tags, separated by commas. */
  private static final String TAGS = "spark.job.tags";

  private final SparkContext spark;
  private final String tag;
  private final Listener listener = new Listener();

  /**
   * @param run the name of the run
   */
  RunJobs(SparkContext spark, String run) {
    this.spark = spark;
    this.tag = "glm-image-" + run;
    spark.addSparkListener(listener);
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
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
    while (!spark.isStopped() && !listener.isIdle()) {
      if (System.nanoTime() > end) {
        LOG.warn("Tasks that are no longer needed still run; not waiting for them");
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

  @Override
  public void close() {
    spark.removeSparkListener(listener);
    spark.removeJobTag(tag);
  }

  /** Follows the jobs with the tag, and their tasks, which may outlive them. */
  private final class Listener extends SparkListener {
    private final Set<Integer> jobs = new HashSet<>();
    private final Set<Integer> stages = new HashSet<>();
    private final Set<Long> tasks = new HashSet<>();

    synchronized boolean isIdle() {
      return jobs.isEmpty() && tasks.isEmpty();
    }

    @Override
    public synchronized void onJobStart(SparkListenerJobStart start) {
      Properties properties = start.properties();
      String tags = properties == null ? "" : properties.getProperty(TAGS, "");
      if (Arrays.asList(tags.split(",", -1)).contains(tag)) {
        jobs.add(start.jobId());
        // An iterator only: the types of the collections differ between Scala 2.12 and 2.13.
        var ids = start.stageIds().iterator();
        while (ids.hasNext()) {
          stages.add((Integer) ids.next());
        }
      }
    }

    @Override
    public synchronized void onJobEnd(SparkListenerJobEnd end) {
      jobs.remove(end.jobId());
    }

    @Override
    public synchronized void onTaskStart(SparkListenerTaskStart start) {
      if (stages.contains(start.stageId())) {
        tasks.add(start.taskInfo().taskId());
      }
    }

    @Override
    public synchronized void onTaskEnd(SparkListenerTaskEnd end) {
      tasks.remove(end.taskInfo().taskId());
    }
  }
}
