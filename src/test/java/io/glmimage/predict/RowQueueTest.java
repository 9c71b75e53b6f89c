package io.glmimage.predict;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.LostDeviceException;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Rows of several callers, with an engine whose every image waits for a permit. */
class RowQueueTest {
  private static final long SECONDS = 60;

  /** The rows of each round, and what happened to them. */
  private final List<String> events = Collections.synchronizedList(new ArrayList<>());

  private final Semaphore begun = new Semaphore(0);
  private final Semaphore priors = new Semaphore(0);
  private final Semaphore images = new Semaphore(0);

  /** Failures of the engine by the first row that causes them. */
  private final Map<String, Throwable> failures = new ConcurrentHashMap<>();

  private final RowQueue queue = new RowQueue(this::edit, Duration.ofSeconds(SECONDS));

  RowQueueTest() {
    queue.setRowsTogether(4);
  }

  @AfterEach
  void letTheEngineEnd() {
    priors.release(1000);
    images.release(1000);
  }

  private void edit(RowQueue.Round round) {
    List<String> ids = round.requests().stream().map(EditRequest::id).toList();
    events.add("round " + ids);
    begun.release();
    priors.acquireUninterruptibly();
    for (int i = 0; i < ids.size(); i++) {
      Throwable failure = failures.get(ids.get(i));
      if (failure instanceof Error error) {
        throw error;
      }
      if (failure != null) {
        throw (RuntimeException) failure;
      }
      if (round.isWanted(i)) {
        begun.release();
        images.acquireUninterruptibly();
        round.edited(i, new EditResult(ids.get(i), null, null, 0, 0, 0), 1);
      }
    }
  }

  /** A caller whose results and failures are counted. */
  private final class Task {
    final List<String> results = Collections.synchronizedList(new ArrayList<>());
    final List<Throwable> failed = Collections.synchronizedList(new ArrayList<>());
    final Semaphore done = new Semaphore(0);
    final RowQueue.Caller caller;

    Task(int coming) {
      caller =
          queue.caller(
              EngineObserver.NONE,
              (ids, failure) -> {
                results.add("failed " + ids);
                failed.add(failure);
                done.release(ids.size());
              },
              coming);
    }

    void add(String... ids) {
      for (String id : ids) {
        caller.add(
            new EditRequest(id, "prompt", List.of(), null, null, 1, 1, 1),
            (result, seconds) -> {
              results.add(result.id());
              done.release();
            });
      }
    }

    void awaitDone(int rows) throws InterruptedException {
      RowQueueTest.await(done, rows);
    }
  }

  private static void await(Semaphore what, int count) throws InterruptedException {
    assertTrue(what.tryAcquire(count, SECONDS, TimeUnit.SECONDS), "waited in vain");
  }

  @Test
  void rowsOfFourTasksShareARound() throws Exception {
    List<Task> tasks = List.of(new Task(1), new Task(1), new Task(1), new Task(1));
    for (int i = 0; i < 4; i++) {
      // All tasks are still reading their rows, except those that have added them.
      tasks.get(i).add("row " + i);
      tasks.get(i).caller.coming(0);
    }
    priors.release();
    images.release(4);
    for (int i = 0; i < 4; i++) {
      tasks.get(i).awaitDone(1);
      assertEquals(List.of("row " + i), tasks.get(i).results);
    }
    assertEquals(List.of("round [row 0, row 1, row 2, row 3]"), events);
  }

  @Test
  void aResultIsHandedOverWhileTheNextImageIsBeingMade() throws Exception {
    Task task = new Task(2);
    task.add("a", "b");
    task.caller.coming(0);
    priors.release();
    images.release();
    task.awaitDone(1);
    assertEquals(List.of("a"), task.results);
    images.release();
    task.awaitDone(1);
    assertEquals(List.of("a", "b"), task.results);
  }

  @Test
  void aFullRoundDoesNotWaitForMoreRowsAndTheOthersComeNext() throws Exception {
    Task reading = new Task(1);
    Task task = new Task(5);
    task.add("a", "b", "c", "d", "e");
    task.caller.coming(0);
    await(begun, 1);
    reading.add("f");
    reading.caller.coming(0);
    priors.release(2);
    images.release(6);
    task.awaitDone(5);
    reading.awaitDone(1);
    assertEquals(List.of("round [a, b, c, d]", "round [e, f]"), events);
  }

  @Test
  void aTaskThatEndsDoesNotWaitForRowsOfOthersAndWithdrawsItsOwn() throws Exception {
    Task other = new Task(1);
    Task ending = new Task(1);
    other.add("a");
    ending.add("b");
    other.caller.coming(0);
    ending.caller.coming(0);
    priors.release();
    // Round and first image.
    await(begun, 2);
    ending.add("c");
    ending.caller.close();
    ending.add("d");
    images.release();
    other.awaitDone(1);
    other.add("e");
    priors.release();
    images.release();
    other.awaitDone(1);
    assertEquals(List.of("a", "e"), other.results);
    assertEquals(List.of(), ending.results);
    assertEquals(List.of("round [a, b]", "round [e]"), events);
  }

  @Test
  void aTaskThatEndsWaitsForItsOwnRowInTheEngine() throws Exception {
    Task task = new Task(0);
    task.add("a");
    await(begun, 1);
    CountDownLatch ended = new CountDownLatch(1);
    Thread end =
        new Thread(
            () -> {
              Thread.currentThread().interrupt();
              task.caller.close();
              assertTrue(Thread.interrupted(), "the interruption is kept");
              ended.countDown();
            });
    end.start();
    while (end.getState() != Thread.State.WAITING) {
      assertEquals(1, ended.getCount(), "the task left its row in the engine");
      Thread.onSpinWait();
    }
    priors.release();
    assertTrue(ended.await(SECONDS, TimeUnit.SECONDS));
    // Its image is not begun, because nobody wants it.
    assertFalse(begun.tryAcquire());
    assertEquals(List.of(), task.results);
  }

  @Test
  void aFailureReachesOnlyTheTaskWhoseRowCausesIt() throws Exception {
    failures.put("bad", new IllegalStateException("broken"));
    Task first = new Task(1);
    Task second = new Task(2);
    first.add("a");
    second.add("bad", "c");
    first.caller.coming(0);
    second.caller.coming(0);
    priors.release(3);
    images.release(3);
    first.awaitDone(1);
    second.awaitDone(2);
    assertEquals(List.of("a"), first.results);
    assertEquals(List.of("failed [bad, c]"), second.results);
    // The row that was done before the failure is not edited again.
    assertEquals(List.of("round [a, bad, c]", "round [bad, c]"), events);
    first.add("d");
    first.awaitDone(1);
  }

  @Test
  void aFailureInTheFirstRowLeavesTheRowsOfOthersToARoundOfTheirOwn() throws Exception {
    failures.put("bad", new IllegalStateException("broken"));
    Task first = new Task(1);
    Task second = new Task(2);
    first.add("bad");
    second.add("b", "c");
    first.caller.coming(0);
    second.caller.coming(0);
    priors.release(3);
    images.release(3);
    first.awaitDone(1);
    second.awaitDone(2);
    assertEquals(List.of("failed [bad]"), first.results);
    assertEquals(List.of("b", "c"), second.results);
    assertEquals(List.of("round [bad, b, c]", "round [bad]", "round [b, c]"), events);
  }

  @Test
  void aLostDeviceFailsTheRowsOfAllTasks() throws Exception {
    failures.put("b", new LostDeviceException("Cannot continue: cuda:0 is lost"));
    Task first = new Task(2);
    Task second = new Task(1);
    first.add("a");
    second.add("b");
    first.add("c");
    first.caller.coming(0);
    second.caller.coming(0);
    priors.release();
    images.release();
    first.awaitDone(2);
    second.awaitDone(1);
    assertEquals(List.of("a", "failed [c]"), first.results);
    assertEquals(List.of("failed [b]"), second.results);
    assertInstanceOf(LostDeviceException.class, second.failed.get(0));
  }

  @Test
  void anEngineThatLeavesOutARowFailsIt() throws Exception {
    RowQueue careless = new RowQueue(round -> {}, Duration.ZERO);
    Semaphore failed = new Semaphore(0);
    List<String> messages = Collections.synchronizedList(new ArrayList<>());
    careless
        .caller(
            EngineObserver.NONE,
            (ids, failure) -> {
              messages.add(failure.getMessage());
              failed.release();
            },
            0)
        .add(new EditRequest("a", "p", List.of(), null, null, 1, 1, 1), (result, seconds) -> {});
    await(failed, 1);
    assertEquals(List.of("the engine gave no result for [a]"), messages);
  }
}
