package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.glmimage.error.JobException;
import io.glmimage.error.UsageException;
import io.glmimage.spark.FullDisk;
import java.io.FileNotFoundException;
import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FailureTest {
  @Test
  void anErrorOfTheDiskFailsTheJobWithOneSentence() throws IOException {
    assertEquals(full("No space left on device"), Failure.of(FullDisk.error()));
    assertEquals(
        full("No space left on device"),
        Failure.of(new IllegalStateException("Job aborted", FullDisk.error())));
    assertEquals(
        full("/out/x: No space left on device"),
        Failure.of(new IOException("/out/x: No space left on device")));
  }

  private static Failure full(String why) {
    return new Failure(
        "The job failed: " + why + "; correct this and run the command again",
        true,
        ExitCode.JOB_FAILED);
  }

  @Test
  void onlyAUsageExceptionItselfMeansThatNothingWasChanged() {
    UsageException usage = new UsageException("Invalid --x: 1");
    assertEquals(new Failure("Invalid --x: 1", true, ExitCode.USAGE), Failure.of(usage));
    assertEquals(
        new Failure("Invalid --x: 1", true, ExitCode.JOB_FAILED),
        Failure.of(new JobException("Invalid --x: 1", usage)));
  }

  @Test
  void failuresThatNeedNoStackTraceAreTold() {
    assertEquals(
        new Failure("The job failed: FileNotFoundException: /x", true, ExitCode.JOB_FAILED),
        Failure.of(new FileNotFoundException("/x")));
    assertEquals(
        new Failure(
            "The job failed: OutOfMemoryError: Java heap space; give the driver more memory"
                + " (GLM_IMAGE_DRIVER_MEMORY or --driver-memory)",
            true,
            ExitCode.JOB_FAILED),
        Failure.of(new OutOfMemoryError("Java heap space")));
    assertEquals(
        new Failure("The job failed: IllegalStateException: a bug", false, ExitCode.JOB_FAILED),
        Failure.of(new IllegalStateException("a bug")));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "Encountered error while reading file file:///m/a b.parquet. Details:",
        "[FAILED_READ_FILE.NO_HINT] Encountered error while reading file file:///m/a b.parquet."
            + " SQLSTATE: KD001"
      })
  void aFileThatSparkCannotReadIsNamed(String spark) {
    assertEquals(
        new Failure(
            "The job failed: Spark cannot read file:///m/a b.parquet: bad page; if the file is"
                + " damaged, write or copy it again. Finished rows are kept",
            true,
            ExitCode.JOB_FAILED),
        Failure.of(new IllegalStateException(spark, new IllegalArgumentException("bad page"))));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "Job 0 cancelled because SparkContext was shut down",
        "SparkContext has been shutdown",
        "Cannot call methods on a stopped SparkContext.\nThis stopped SparkContext was created at:"
      })
  void anApplicationThatTheClusterEndsIsExplained(String spark) {
    assertEquals(
        new Failure(
            "The job failed: the cluster ended the application ("
                + spark.lines().findFirst().orElseThrow()
                + "). Spark's messages before this one, or the cluster's record of the application,"
                + " give the reason. Finished rows are kept: remove the cause and run the same"
                + " command again",
            true,
            ExitCode.JOB_FAILED),
        Failure.of(new IllegalStateException("wrapped", new IllegalStateException(spark))));
  }
}
