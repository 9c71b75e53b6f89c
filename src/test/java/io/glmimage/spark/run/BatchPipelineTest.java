package io.glmimage.spark.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.DeviceMemoryException;
import io.glmimage.error.JobException;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import io.glmimage.spark.engine.EngineCall;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Rows are texts here; the steps record what happens to them. */
class BatchPipelineTest {
  private final ExecutorService threads = Executors.newFixedThreadPool(4);

  /** What happened, in order. */
  private final List<String> events = Collections.synchronizedList(new ArrayList<>());

  @AfterEach
  void stop() {
    threads.shutdownNow();
  }

  /** Steps that can be overridden separately. */
  @SuppressWarnings("UnusedVariable") // Parameters are for those who override.
  private class Recording implements BatchPipeline.Steps<String, String> {
    void onRead(String row) throws InterruptedException {}

    void onEdit(List<String> rows) throws InterruptedException {}

    void onWrite(String row) throws InterruptedException {}

    EditResult result(String row) {
      return new EditResult(row, null, null, 0, 0, 0);
    }

    @Override
    public BatchPipeline.Read<String> read(String row) {
      uninterrupted(() -> onRead(row));
      events.add("read " + row);
      if (row.startsWith("bad")) {
        return new BatchPipeline.Finished<>(row + " failed");
      }
      EditRequest request = new EditRequest(row, "prompt", List.of(), null, null, 1, 1, 1);
      return new BatchPipeline.Ready<>(
          request,
          (edited, seconds) -> {
            uninterrupted(() -> onWrite(row));
            events.add("write " + row);
            return row + (edited.ok() ? " " + seconds : " " + edited.error().getMessage());
          });
    }

    @Override
    public EngineCall edit(List<EditRequest> requests) {
      List<String> ids = requests.stream().map(EditRequest::id).toList();
      uninterrupted(() -> onEdit(ids));
      events.add("edit " + ids);
      return new EngineCall(ids.stream().map(this::result).toList(), 6);
    }
  }

  private interface Interruptible {
    void run() throws InterruptedException;
  }

  private static void uninterrupted(Interruptible work) {
    try {
      work.run();
    } catch (InterruptedException e) {
      throw new IllegalStateException("interrupted", e);
    }
  }

  private static void await(CountDownLatch latch) throws InterruptedException {
    assertTrue(latch.await(60, TimeUnit.SECONDS), "waited in vain");
  }

  private BatchPipeline<String, String> pipeline(
      Recording steps, Executor io, List<List<String>> batches) {
    Iterator<List<String>> source = batches.iterator();
    return new BatchPipeline<>(
        () -> source.hasNext() ? source.next() : List.of(),
        steps,
        inWork -> events.add("begin " + inWork),
        io,
        2);
  }

  private static List<String> all(BatchPipeline<String, String> pipeline) {
    List<String> all = new ArrayList<>();
    for (List<String> results = pipeline.next(); !results.isEmpty(); results = pipeline.next()) {
      all.addAll(results);
    }
    return all;
  }

  @Test
  void resultsComeInTheOrderOfTheRowsWhateverFinishesFirst() {
    CountDownLatch lastIsWritten = new CountDownLatch(1);
    Recording steps =
        new Recording() {
          @Override
          void onWrite(String row) throws InterruptedException {
            if (row.equals("a")) {
              await(lastIsWritten);
            } else if (row.equals("e")) {
              lastIsWritten.countDown();
            }
          }
        };
    List<String> results =
        all(pipeline(steps, threads, List.of(List.of("a", "b"), List.of("c", "d"), List.of("e"))));
    assertEquals(List.of("a 3.0", "b 3.0", "c 3.0", "d 3.0", "e 6.0"), results);
    assertTrue(events.indexOf("write e") < events.indexOf("write a"), events.toString());
  }

  @Test
  void theNextBatchIsReadWhileOneIsInTheEngine() {
    CountDownLatch nextIsRead = new CountDownLatch(1);
    Recording steps =
        new Recording() {
          @Override
          void onRead(String row) {
            if (row.equals("b")) {
              nextIsRead.countDown();
            }
          }

          @Override
          void onEdit(List<String> rows) throws InterruptedException {
            if (rows.contains("a")) {
              await(nextIsRead);
            }
          }
        };
    assertEquals(
        List.of("a 6.0", "b 6.0"),
        all(pipeline(steps, threads, List.of(List.of("a"), List.of("b")))));
  }

  @Test
  void editedImagesAreWrittenWhileTheNextBatchesAreInTheEngine() {
    CountDownLatch thirdIsEdited = new CountDownLatch(1);
    Recording steps =
        new Recording() {
          @Override
          void onEdit(List<String> rows) {
            if (rows.contains("c")) {
              thirdIsEdited.countDown();
            }
          }

          @Override
          void onWrite(String row) throws InterruptedException {
            await(thirdIsEdited);
          }
        };
    assertEquals(
        List.of("a 6.0", "b 6.0", "c 6.0"),
        all(pipeline(steps, threads, List.of(List.of("a"), List.of("b"), List.of("c")))));
  }

  @Test
  void noMoreBatchesAreEditedThanMayWaitToBeWritten() {
    List<List<String>> batches =
        List.of(List.of("a"), List.of("b"), List.of("c"), List.of("d"), List.of("e"));
    BatchPipeline<String, String> pipeline = pipeline(new Recording(), threads, batches);
    assertEquals(List.of("a 6.0"), pipeline.next());
    // Two batches wait while a third is in the engine; the fourth is only read.
    assertTrue(events.contains("edit [c]"), events.toString());
    assertFalse(events.contains("edit [d]"), events.toString());
    assertEquals(List.of("b 6.0"), pipeline.next());
    assertTrue(events.contains("edit [d]"), events.toString());
    assertFalse(events.contains("edit [e]"), events.toString());
  }

  @Test
  void everyRowInWorkIsAnnouncedBeforeItIsRead() {
    all(pipeline(new Recording(), Runnable::run, List.of(List.of("a", "b"), List.of("c"))));
    assertEquals(
        List.of(
            "begin [a, b]",
            "read a",
            "read b",
            "begin [a, b, c]",
            "read c",
            "edit [a, b]",
            "write a",
            "write b",
            "edit [c]",
            "write c"),
        events);
  }

  @Test
  void rowsThatAreSettledAreNoLongerAnnounced() {
    List<List<String>> batches =
        List.of(List.of("a"), List.of("b"), List.of("c"), List.of("d"), List.of("e"));
    all(pipeline(new Recording(), Runnable::run, batches));
    assertEquals(
        List.of(
            "begin [a]",
            "begin [a, b]",
            "begin [a, b, c]",
            "begin [a, b, c, d]",
            "begin [b, c, d, e]"),
        events.stream().filter(event -> event.startsWith("begin")).toList());
  }

  @Test
  void rowsThatCannotBeReadSkipTheEngineAndKeepTheirPlace() {
    assertEquals(
        List.of("a 3.0", "bad failed", "c 3.0", "bad2 failed"),
        all(
            pipeline(
                new Recording(), threads, List.of(List.of("a", "bad", "c"), List.of("bad2")))));
    assertEquals(
        List.of("edit [a, c]"), events.stream().filter(event -> event.startsWith("edit")).toList());
  }

  @Test
  void aRowThatDoesNotFitIntoMemoryFailsAlone() {
    Recording steps =
        new Recording() {
          @Override
          EditResult result(String row) {
            return row.equals("large")
                ? EditResult.failed(row, new DeviceMemoryException("too large", null))
                : super.result(row);
          }
        };
    assertEquals(
        List.of("a 3.0", "large too large"),
        all(pipeline(steps, threads, List.of(List.of("a", "large")))));
  }

  @Test
  void exceptionsOfReadsWritesTheEngineAndTheJournalAreThrownAsTheyAre() {
    IllegalStateException broken = new IllegalStateException("broken");
    Recording read =
        new Recording() {
          @Override
          void onRead(String row) {
            throw broken;
          }
        };
    Recording edit =
        new Recording() {
          @Override
          void onEdit(List<String> rows) {
            throw broken;
          }
        };
    Recording write =
        new Recording() {
          @Override
          void onWrite(String row) {
            throw broken;
          }
        };
    for (Recording steps : List.of(read, edit, write)) {
      assertSame(
          broken,
          assertThrows(
              IllegalStateException.class,
              () -> all(pipeline(steps, threads, List.of(List.of("a"))))));
    }

    events.clear();
    Iterator<List<String>> source = List.of(List.of("a"), List.<String>of()).iterator();
    BatchPipeline<String, String> unannounced =
        new BatchPipeline<>(
            source::next,
            new Recording(),
            inWork -> {
              throw broken;
            },
            threads,
            2);
    assertSame(broken, assertThrows(IllegalStateException.class, unannounced::next));
    assertEquals(List.of(), events, "no row is read before it is announced");
  }

  @Test
  void anInterruptedTaskEndsWithAMessage() throws Exception {
    CountDownLatch readingBegan = new CountDownLatch(1);
    Semaphore never = new Semaphore(0);
    Recording steps =
        new Recording() {
          @Override
          void onRead(String row) throws InterruptedException {
            readingBegan.countDown();
            never.acquire();
          }
        };
    ExecutorService task = Executors.newSingleThreadExecutor();
    try {
      Future<Boolean> ended =
          task.submit(
              () -> {
                JobException e =
                    assertThrows(
                        JobException.class,
                        () -> all(pipeline(steps, threads, List.of(List.of("a")))));
                assertEquals("Interrupted while images were read or written", e.getMessage());
                return Thread.currentThread().isInterrupted();
              });
      await(readingBegan);
      task.shutdownNow();
      assertTrue(ended.get(60, TimeUnit.SECONDS), "the thread stays interrupted");
    } finally {
      task.shutdownNow();
    }
  }

  @Test
  void anEmptySourceIsAskedOnce() {
    List<Integer> asked = new ArrayList<>();
    BatchPipeline<String, String> pipeline =
        new BatchPipeline<>(
            () -> {
              asked.add(1);
              return List.of();
            },
            new Recording(),
            inWork -> {},
            threads,
            2);
    assertEquals(List.of(), pipeline.next());
    assertEquals(List.of(), pipeline.next());
    assertEquals(1, asked.size());
  }
}
