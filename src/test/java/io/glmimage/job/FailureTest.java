package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.glmimage.error.JobException;
import io.glmimage.error.UsageException;
import io.glmimage.spark.FullDisk;
import java.io.FileNotFoundException;
import java.io.IOException;
import org.junit.jupiter.api.Test;

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
}
