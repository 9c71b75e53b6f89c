package io.glmimage.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.JobException;
import java.io.IOException;
import java.io.UncheckedIOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

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
  void theTemporaryFolderOfSparkIsNotMistakenForTheOutput() {
    String executor =
        "Job aborted due to stage failure: Lost task 0.0: java.io.IOException: No space left on"
            + " device\n\tat java.base/sun.nio.ch.FileDispatcherImpl.write0(Native Method)\n\tat"
            + " org.apache.spark.storage.CountingWritableChannel.write(DiskStore.scala:332)\n\tat"
            + " org.apache.spark.sql.execution.Writer.write(W.java:1)";
    String sentence = PlaceFailures.sentence(new IllegalStateException(executor)).orElseThrow();
    assertEquals(
        "Cannot write to Spark's temporary folder (spark.local.dir or SPARK_LOCAL_DIRS; in"
            + " embedded mode -Djava.io.tmpdir): No space left on device; correct this and run the"
            + " command again",
        sentence);

    String output = executor.replace("storage.CountingWritableChannel", "sql.Parquet");
    assertEquals(
        "The job failed: Job aborted due to stage failure: Lost task 0.0: java.io.IOException: No"
            + " space left on device; correct this and run the command again",
        PlaceFailures.sentence(new IllegalStateException(output)).orElseThrow());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/data/x.png (Too many open files)",
        "/mnt/x.png: Transport endpoint is not connected",
        "The DiskSpace quota of /out is exceeded: quota = 1 GB",
        "/out/a.png (File too large)"
      })
  void wordsOfPlacesAreKnown(String message) {
    assertThrows(JobException.class, () -> PlaceFailures.check("read x", new IOException(message)));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "File file:/data/Read-only file system/x.png does not exist",
        "/data/No space left on device/x.png (No such file or directory)",
        "connection reset"
      })
  void theNameOfAFileIsNotAFailureOfItsPlace(String message) {
    PlaceFailures.check("read x", new IOException(message));
    assertTrue(PlaceFailures.sentence(new IOException(message)).isEmpty());
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
