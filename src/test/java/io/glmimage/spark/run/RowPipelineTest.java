package io.glmimage.spark.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.DeviceMemoryException;
import io.glmimage.error.GlmImageException;
import io.glmimage.error.JobException;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import io.glmimage.spark.engine.RowEngine;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Rows are texts here; the steps record what happens to them. */
class RowPipelineTest {
  private static final long FOR_EVER = Long.MAX_VALUE;

  private final ExecutorService threads = Executors.newFixedThreadPool(4);
  private final ExecutorService engineThread = Executors.newSingleThreadExecutor();

  /** What happened, in order. */
  private final List<String> events = Collections.synchronizedList(new ArrayList<>());

  /** The clock of the pipeline. */
  private long now;

  @AfterEach
  void stop() {
    threads.shutdownNow();
    engineThread.shutdownNow();
  }

  /** Steps that can be overridden separately. Rows go through the engine one after the other. */
  @SuppressWarnings("UnusedVariable") // Parameters are for those who override.
  private class Recording implements RowPipeline.Steps<String, String> {
    /** The pipeline's receiver of failures of the engine. */
    private Consumer<GlmImageException> failures;

    void onRead(String row) throws InterruptedException {}

    void onEdit(String row) throws InterruptedException {}

    void onWrite(String row) throws InterruptedException {}

    EditResult result(String row) {
      return new EditResult(row, null, null, 0, 0, 0);
    }

    @Override
    public RowPipeline.Step<String> read(String row) {
      uninterrupted(() -> onRead(row));
      events.add("read " + row);
      if (row.startsWith("bad")) {
        return new RowPipeline.Finished<>(row + " failed");
      }
      return new RowPipeline.Ready<>(request(row), (edited, s) -> complete(row, edited, s));
    }

    RowPipeline.Step<String> complete(String row, EditResult edited, double seconds) {
      uninterrupted(() -> onWrite(row));
      events.add("write " + row);
      return new RowPipeline.Finished<>(
          row + (edited.ok() ? " " + seconds : " " + edited.error().getMessage()));
    }

    @Override
    public RowEngine open(int coming, Consumer<GlmImageException> receiver) {
      failures = receiver;
      events.add("open " + coming);
      return new RowEngine() {
        @Override
        public void edit(EditRequest request, Edited edited) {
          engineThread.execute(
              () -> {
                uninterrupted(() -> onEdit(request.id()));
                events.add("edit " + request.id());
                edited.edited(result(request.id()), 3);
              });
        }

        @Override
        public void coming(int rows) {
          events.add("coming " + rows);
        }

        @Override
        public void close() {
          events.add("close");
        }
      };
    }
  }

  /** Steps whose engine edits a row when {@link #edit} is called. */
  private final class Manual extends Recording {
    private final Map<String, RowEngine.Edited> waiting = new ConcurrentHashMap<>();

    @Override
    public RowEngine open(int coming, Consumer<GlmImageException> failures) {
      return new RowEngine() {
        @Override
        public void edit(EditRequest request, Edited edited) {
          waiting.put(request.id(), edited);
        }

        @Override
        public void coming(int rows) {}

        @Override
        public void close() {}
      };
    }

    void edit(String row) {
      waiting.remove(row).edited(result(row), 3);
    }
  }

  private static EditRequest request(String row) {
    return new EditRequest(row, "prompt", List.of(), null, null, 1, 1, 1);
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

  private RowPipeline<String, String> pipeline(
      Recording steps, Executor io, int most, RowPipeline.Order order, String... rows) {
    Iterator<String> source = List.of(rows).iterator();
    return new RowPipeline<>(
        () -> source.hasNext() ? Optional.of(source.next()) : Optional.empty(),
        steps,
        inWork -> events.add("begin " + inWork),
        io,
        new RowPipeline.Flow(most, order, () -> now));
  }

  private static List<String> all(RowPipeline<String, String> pipeline) {
    List<String> all = new ArrayList<>();
    while (!pipeline.isDone()) {
      all.addAll(pipeline.next(FOR_EVER));
    }
    return all;
  }

  private List<String> events(String kind) {
    return events.stream().filter(event -> event.startsWith(kind)).toList();
  }

  @Test
  void resultsCanComeInTheOrderOfTheRowsWhateverFinishesFirst() {
    CountDownLatch lastIsWritten = new CountDownLatch(1);
    Recording steps =
        new Recording() {
          @Override
          void onWrite(String row) throws InterruptedException {
            if (row.equals("a")) {
              await(lastIsWritten);
            }
          }

          @Override
          RowPipeline.Step<String> complete(String row, EditResult edited, double seconds) {
            RowPipeline.Step<String> step = super.complete(row, edited, seconds);
            if (row.equals("c")) {
              lastIsWritten.countDown();
            }
            return step;
          }
        };
    assertEquals(
        List.of("a 3.0", "b 3.0", "c 3.0", "d 3.0"),
        all(pipeline(steps, threads, 3, RowPipeline.Order.OF_ROWS, "a", "b", "c", "d")));
    assertTrue(events.indexOf("write c") < events.indexOf("write a"), events.toString());
  }

  @Test
  void aResultComesOutWhileTheNextRowIsInTheEngine() {
    CountDownLatch firstIsOut = new CountDownLatch(1);
    Recording steps =
        new Recording() {
          @Override
          void onEdit(String row) throws InterruptedException {
            if (firstIsOut.getCount() > 0 && !events("edit").isEmpty()) {
              await(firstIsOut);
            }
          }
        };
    RowPipeline<String, String> pipeline =
        pipeline(steps, threads, 2, RowPipeline.Order.AS_FINISHED, "a", "b");
    List<String> first = pipeline.next(FOR_EVER);
    assertEquals(1, first.size(), first.toString());
    firstIsOut.countDown();
    assertEquals(1, all(pipeline).size());
  }

  @Test
  void sourceImagesAreReadAndEditedImagesAreWrittenWhileOthersAreInTheEngine() {
    CountDownLatch otherIsRead = new CountDownLatch(1);
    CountDownLatch otherIsEdited = new CountDownLatch(1);
    Recording steps =
        new Recording() {
          @Override
          void onRead(String row) {
            if (row.equals("b")) {
              otherIsRead.countDown();
            }
          }

          @Override
          void onEdit(String row) throws InterruptedException {
            if (row.equals("a")) {
              await(otherIsRead);
            } else {
              otherIsEdited.countDown();
            }
          }

          @Override
          void onWrite(String row) throws InterruptedException {
            if (row.equals("a")) {
              await(otherIsEdited);
            }
          }
        };
    assertEquals(
        List.of("a 3.0", "b 3.0"),
        all(pipeline(steps, threads, 2, RowPipeline.Order.OF_ROWS, "a", "b")));
  }

  @Test
  void everyRowInWorkIsAnnouncedBeforeItIsReadAndRowsThatAreOutAreNot() {
    Manual steps = new Manual();
    RowPipeline<String, String> pipeline =
        pipeline(
            steps, Runnable::run, 4, RowPipeline.Order.AS_FINISHED, "a", "b", "c", "d", "e", "f");
    assertEquals(List.of(), pipeline.next(0));
    assertEquals(List.of("begin [a, b, c, d]", "read a", "read b", "read c", "read d"), events);
    steps.edit("b");
    steps.edit("d");
    assertEquals(List.of("b 3.0", "d 3.0"), pipeline.next(0));
    assertEquals(List.of(), pipeline.next(0));
    assertEquals(
        List.of("begin [a, c, e, f]", "read e", "read f"), events.subList(7, events.size()));
    List.of("a", "c", "e", "f").forEach(steps::edit);
    assertEquals(List.of("a 3.0", "c 3.0", "e 3.0", "f 3.0"), all(pipeline));
  }

  @Test
  void slowRowsAreReplacedOneByOneAndFastRowsTogether() {
    Manual steps = new Manual();
    RowPipeline<String, String> pipeline =
        pipeline(
            steps, Runnable::run, 4, RowPipeline.Order.AS_FINISHED, "a", "b", "c", "d", "e", "f");
    assertEquals(List.of(), pipeline.next(0));
    steps.edit("a");
    assertEquals(List.of("a 3.0"), pipeline.next(0));
    now = RowPipeline.REPLACE_NANOS - 1;
    assertEquals(List.of(), pipeline.next(0));
    assertEquals(1, events("begin").size(), "one row alone is not announced at once");
    now = RowPipeline.REPLACE_NANOS;
    assertEquals(List.of(), pipeline.next(0));
    assertEquals("begin [b, c, d, e]", events("begin").get(1));
  }

  @Test
  void theEngineIsToldHowManyRowsAreComing() {
    CountDownLatch isOpen = new CountDownLatch(1);
    Recording steps =
        new Recording() {
          @Override
          void onRead(String row) throws InterruptedException {
            if (row.equals("b")) {
              await(isOpen);
            }
          }

          @Override
          public RowEngine open(int coming, Consumer<GlmImageException> failures) {
            isOpen.countDown();
            return super.open(coming, failures);
          }
        };
    all(pipeline(steps, threads, 2, RowPipeline.Order.AS_FINISHED, "a", "b"));
    // The row that is ready is still counted when the engine is opened.
    assertEquals(List.of("open 2"), events("open"));
    assertEquals(List.of("coming 1", "coming 0"), events("coming"));
  }

  @Test
  void rowsThatCannotBeReadSkipTheEngineAndKeepTheirPlace() {
    assertEquals(
        List.of("a 3.0", "bad failed", "c 3.0", "bad2 failed"),
        all(
            pipeline(
                new Recording(), threads, 4, RowPipeline.Order.OF_ROWS, "a", "bad", "c", "bad2")));
    assertEquals(2, events("edit").size());
  }

  @Test
  void anEngineThatNoRowNeedsIsNotOpened() {
    RowPipeline<String, String> pipeline =
        pipeline(new Recording(), threads, 2, RowPipeline.Order.OF_ROWS, "bad", "bad2", "bad3");
    assertEquals(List.of("bad failed", "bad2 failed", "bad3 failed"), all(pipeline));
    pipeline.close();
    assertEquals(List.of(), events("open"));
    assertEquals(List.of(), events("close"));
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
        all(pipeline(steps, threads, 2, RowPipeline.Order.OF_ROWS, "a", "large")));
  }

  @Test
  void aRowCanGoThroughTheEngineAgain() {
    Recording steps =
        new Recording() {
          @Override
          RowPipeline.Step<String> complete(String row, EditResult edited, double seconds) {
            return row.equals("a")
                ? new RowPipeline.Ready<>(
                    request("a again"),
                    (result, s) -> super.complete("better a", result, s + seconds))
                : super.complete(row, edited, seconds);
          }
        };
    assertEquals(
        List.of("better a 6.0", "b 3.0"),
        all(pipeline(steps, threads, 2, RowPipeline.Order.OF_ROWS, "a", "b")));
    assertTrue(events.contains("edit a again"), events.toString());
  }

  @Test
  void exceptionsOfReadsWritesTheEngineAndTheJournalAreThrownAsTheyAre() {
    JobException broken = new JobException("broken");
    Recording read =
        new Recording() {
          @Override
          void onRead(String row) {
            throw broken;
          }
        };
    Recording open =
        new Recording() {
          @Override
          public RowEngine open(int coming, Consumer<GlmImageException> failures) {
            throw broken;
          }
        };
    Recording edit =
        new Recording() {
          @Override
          void onEdit(String row) throws InterruptedException {
            super.failures.accept(broken);
            new Semaphore(0).acquire();
          }
        };
    Recording write =
        new Recording() {
          @Override
          void onWrite(String row) {
            throw broken;
          }
        };
    for (Recording steps : List.of(read, open, write, edit)) {
      assertSame(
          broken,
          assertThrows(
              JobException.class,
              () -> all(pipeline(steps, threads, 2, RowPipeline.Order.OF_ROWS, "a"))));
    }

    events.clear();
    RowPipeline<String, String> unannounced =
        new RowPipeline<>(
            () -> Optional.of("a"),
            new Recording(),
            inWork -> {
              throw broken;
            },
            threads,
            new RowPipeline.Flow(2, RowPipeline.Order.OF_ROWS));
    assertSame(broken, assertThrows(JobException.class, () -> unannounced.next(FOR_EVER)));
    assertEquals(List.of(), events, "no row is read before it is announced");
  }

  @Test
  void anErrorOfAStepIsThrownAsItIs() {
    OutOfMemoryError full = new OutOfMemoryError("heap");
    Recording steps =
        new Recording() {
          @Override
          void onWrite(String row) {
            throw full;
          }
        };
    assertSame(
        full,
        assertThrows(
            OutOfMemoryError.class,
            () -> all(pipeline(steps, threads, 2, RowPipeline.Order.OF_ROWS, "a"))));
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
                        () -> all(pipeline(steps, threads, 2, RowPipeline.Order.OF_ROWS, "a")));
                assertEquals("Interrupted while rows were being edited", e.getMessage());
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
  void closingWithdrawsTheRowsFromTheEngine() {
    RowPipeline<String, String> pipeline =
        pipeline(new Recording(), threads, 2, RowPipeline.Order.OF_ROWS, "a");
    assertEquals(List.of("a 3.0"), all(pipeline));
    assertFalse(events.contains("close"));
    pipeline.close();
    assertTrue(events.contains("close"));
  }

  @Test
  void anEmptySourceIsAskedOnce() {
    List<Integer> asked = new ArrayList<>();
    RowPipeline<String, String> pipeline =
        new RowPipeline<>(
            () -> {
              asked.add(1);
              return Optional.empty();
            },
            new Recording(),
            inWork -> {},
            threads,
            new RowPipeline.Flow(2, RowPipeline.Order.OF_ROWS));
    assertEquals(List.of(), pipeline.next(FOR_EVER));
    assertEquals(List.of(), pipeline.next(FOR_EVER));
    assertTrue(pipeline.isDone());
    assertEquals(1, asked.size());
  }
}
