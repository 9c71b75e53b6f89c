package io.glmimage.spark.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.JobException;
import java.io.IOException;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.SparkException;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("resume")
class LostExecutorsTest {
  private static final String LOSS =
      "Job aborted due to stage failure: Task 3 in stage 5.0 failed 4 times, most recent failure:"
          + " Lost task 3.3 in stage 5.0 (TID 99) (h executor 7): ExecutorLostFailure (x)";

  /** A job that loses its executors at each start, until no more row counts are given. */
  private static final class Lossy implements LostExecutors.Job, LostExecutors.Progress {
    private final Iterator<Long> counts;
    private int starts;
    private int restarts;

    Lossy(Long... counts) {
      this.counts = List.of(counts).iterator();
    }

    @Override
    public void run() throws IOException {
      starts++;
      if (counts.hasNext()) {
        throw new IOException(LOSS);
      }
    }

    @Override
    public long rows() throws IOException {
      long rows = counts.next();
      if (rows < 0) {
        // Counting is a Spark job, too.
        throw new IOException(LOSS);
      }
      return rows;
    }

    @Override
    public void startAgain() {
      restarts++;
    }
  }

  @Test
  void aJobIsStartedAgainAsLongAsEveryFewStartsFinishRows() throws IOException {
    Lossy job = new Lossy(5L, 5L, 5L, 6L, 6L, -1L, 9L);
    LostExecutors.run(job, job);
    assertEquals(8, job.starts);
    assertEquals(7, job.restarts);
  }

  @Test
  void aJobFailsAfterThreeStartsWithoutProgress() {
    Lossy job = new Lossy(5L, 5L, -1L, 5L, 9L);
    IOException e = assertThrows(IOException.class, () -> LostExecutors.run(job, job));
    assertEquals(LOSS, e.getMessage());
    assertEquals(4, job.starts);
  }

  @Test
  void otherFailuresAreThrownAtOnce() {
    Lossy progress = new Lossy(5L);
    JobException broken = new JobException("Cannot load model m");
    assertSame(
        broken,
        assertThrows(
            JobException.class,
            () ->
                LostExecutors.run(
                    () -> {
                      throw broken;
                    },
                    progress)));
    assertEquals(0, progress.restarts);
  }

  private static boolean isLoss(String message) {
    return LostExecutors.isLoss(new SparkException(message));
  }

  @Test
  void lostTasksAndShufflesAreDistinguishedFromFailedTasks() {
    assertTrue(
        isLoss(
            "Job aborted due to stage failure: Task 3 in stage 5.0 failed 4 times, most recent"
                + " failure: Lost task 3.3 in stage 5.0 (TID 99) (10.0.0.1 executor 7):"
                + " ExecutorLostFailure (executor 7 exited caused by one of the running tasks)"
                + " Reason: Command exited with code 137\nDriver stacktrace:"));
    assertTrue(
        isLoss(
            "Job aborted due to stage failure: ResultStage 9 (foreachPartition at X.java:1) has"
                + " failed the maximum allowable number of times: 4. Most recent failure reason:\n"
                + "org.apache.spark.shuffle.FetchFailedException"));
    assertFalse(
        isLoss(
            "Job aborted due to stage failure: Task 3 in stage 5.0 failed 4 times, most recent"
                + " failure: Lost task 3.3 in stage 5.0 (TID 99) (10.0.0.1 executor 7):"
                + " java.lang.IllegalStateException: not ExecutorLostFailure (executor 7 exited)"));
    assertFalse(
        isLoss(
            "Job aborted due to stage failure: Task 3 in stage 5.0 failed 4 times, most recent"
                + " failure: Lost task 3.3 in stage 5.0 (TID 99) (10.0.0.1 executor 7):"
                + " java.lang.IllegalStateException: row most recent failure: Lost task 1:"
                + " ExecutorLostFailure"));
    assertFalse(isLoss("Job 3 cancelled because SparkContext was shut down"));
    assertFalse(LostExecutors.isLoss(new IllegalStateException()));
    assertFalse(
        LostExecutors.isLoss(
            new SparkException(
                "Job aborted due to stage failure: Task 3 in stage 5.0 failed 4 times, most recent"
                    + " failure: Lost task 3.3 in stage 5.0 (TID 99) (h executor 7):"
                    + " ExecutorLostFailure (x)",
                new JobException("Cannot load model m"))));
  }
}
