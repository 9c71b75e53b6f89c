package io.glmimage.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.glmimage.error.JobException;
import java.io.IOException;
import java.io.UncheckedIOException;
import org.junit.jupiter.api.Test;

class PlaceFailuresTest {
  @Test
  void aFullDiskInsideAnExceptionOfSparkIsReported() {
    RuntimeException task =
        new IllegalStateException(
            "Job aborted: Task 3 failed: java.io.IOException: No space left on device\n\tat x");
    JobException e =
        assertThrows(
            JobException.class,
            () ->
                PlaceFailures.run(
                    "write file:/out/results",
                    () -> {
                      throw new IllegalStateException("Writing failed", task);
                    }));
    assertEquals(
        "Cannot write file:/out/results: No space left on device; correct this and run the command"
            + " again",
        e.getMessage());
  }

  @Test
  void otherFailuresPassUnchanged() {
    RuntimeException other = new UncheckedIOException(new IOException("connection reset"));
    assertSame(
        other,
        assertThrows(
            RuntimeException.class,
            () ->
                PlaceFailures.run(
                    "write x",
                    () -> {
                      throw other;
                    })));
  }

  @Test
  void causesMayFormARing() {
    IOException first = new IOException("a");
    IOException second = new IOException("b", first);
    first.initCause(second);
    PlaceFailures.check("write x", first);
    assertEquals(2, PlaceFailures.causes(first).size());
  }
}
