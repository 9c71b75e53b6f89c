package io.glmimage.spark.run;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.JobException;
import org.apache.spark.SparkException;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("resume")
class LostExecutorsTest {
  private static boolean isLoss(String message) {
    return LostExecutors.isLoss(new SparkException(message));
  }

  @Test
  void lostTasksAndLostShufflesAreToldFromWhatTasksDoWrong() {
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
