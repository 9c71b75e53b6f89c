package io.glmimage.spark.run;

import io.glmimage.error.Causes;
import io.glmimage.error.GlmImageException;
import java.io.IOException;
import java.util.regex.Pattern;
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

  /**
   * The start of Spark's message when it aborts a job. A task's own failure has its exception
   * there, which may contain any words.
   */
  private static final Pattern LOSS =
      Pattern.compile(
          "Job aborted due to stage failure: (?:[^:]*most recent failure: Lost task [^:]*:"
              + " ExecutorLostFailure|(?:Result|ShuffleMap)Stage \\d+ .* has failed the maximum"
              + " allowable number of times)");

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
        && LOSS.matcher(error.getMessage()).lookingAt();
  }
}
