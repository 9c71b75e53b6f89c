package io.glmimage.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.InvalidRequestException;
import io.glmimage.error.JobException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.util.List;
import org.apache.hadoop.fs.Path;
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
        "/out/a.png (File too large)",
        "No space left on device",
        "Too many open files in system",
        "Cannot create file /out/a. Name node is in safe mode."
      })
  void wordsOfPlacesAreKnown(String message) {
    assertThrows(JobException.class, () -> PlaceFailures.check("read x", new IOException(message)));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "File file:/data/Read-only file system/x.png does not exist",
        "/data/No space left on device/x.png (No such file or directory)",
        "File file:/data/shot of No space left on device error.png does not exist",
        "File file:/data/No space left on device.png does not exist",
        "connection reset"
      })
  void theNameOfAFileIsNotAFailureOfItsPlace(String message) {
    PlaceFailures.check("read x", new IOException(message));
    assertTrue(PlaceFailures.sentence(new IOException(message)).isEmpty());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/data/a: No space left on device: b.png",
        "file:///data/%C3%A9 (No%20space%20left on device)",
        "hdfs://nn/data/\u00e9:XMinioStorageFull",
        "b (Too many open files).png"
      })
  void theNameOfTheFileInUseNeverDecides(String path) {
    String bare = Locations.decoded(path).replaceFirst("^.*//[^/]*", "");
    Path qualified = new Path(new Path("file:/"), new Path(null, null, bare));
    for (String form :
        List.of(path, qualified.toString(), qualified.toUri().toASCIIString(), "/data/" + path)) {
      for (IOException error :
          List.of(
              new FileNotFoundException("File " + form + " does not exist"),
              new FileNotFoundException("No such file or directory: " + form),
              new AccessDeniedException(form, null, "open on " + form + ": denied"),
              new FileSystemException(form),
              new IOException("open on " + form + ": connection reset"))) {
        PlaceFailures.check("read " + path, error, path);
        PlaceFailures.check("read " + path, new UncheckedIOException(error), path);
        assertFalse(Retries.isCredentials(error, path));
      }
    }
  }

  @Test
  void aFullDiskIsFoundUnderAnyNameOfTheFile() {
    String path = "/data/No space left on device/No space left on device";
    for (IOException error :
        List.of(
            new IOException("No space left on device"),
            new FileNotFoundException(path + " (No space left on device)"),
            new FileSystemException(path, null, "No space left on device"))) {
      JobException e =
          assertThrows(JobException.class, () -> PlaceFailures.check("write " + path, error, path));
      assertTrue(e.getMessage().contains(": No space left on device; correct this"));
    }
  }

  @Test
  void anExceptionOfThisProgramIsNotSearched() {
    String id = "Cannot edit request a: No space left on device: no prompt";
    assertTrue(PlaceFailures.sentence(new InvalidRequestException(id)).isEmpty());
    assertTrue(PlaceFailures.sentence(new LastingException(id)).isEmpty());
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
