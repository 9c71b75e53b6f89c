package io.glmimage.spark.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.JobException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("resume")
class WorkRoomTest {
  private final WorkRoom room = new WorkRoom();
  private final ExecutorService threads = Executors.newCachedThreadPool();

  @AfterEach
  void stop() {
    threads.shutdownNow();
  }

  /** A thread that runs the work and shows whether it waits. */
  private static Thread started(Runnable work) {
    Thread thread = new Thread(work);
    thread.setDaemon(true);
    thread.start();
    return thread;
  }

  /** Returns when the thread waits in the room. */
  private static void awaitWaiting(Thread thread) {
    while (thread.getState() != Thread.State.WAITING) {
      assertTrue(thread.isAlive(), "the thread ended instead of waiting");
      Thread.onSpinWait();
    }
  }

  @Test
  void aTaskThatMustBeAloneWaitsForTheOthersAndGoesBeforeNewOnes() throws Exception {
    WorkRoom.Visitor first = room.visitor();
    WorkRoom.Visitor second = room.visitor();
    first.enter();
    second.enter();
    List<String> order = Collections.synchronizedList(new ArrayList<>());
    Thread alone =
        started(
            () -> {
              WorkRoom.Visitor visitor = room.visitor();
              visitor.enterAlone();
              order.add("alone");
              visitor.leave();
            });
    awaitWaiting(alone);
    assertTrue(room.isWanted());
    Thread next =
        started(
            () -> {
              WorkRoom.Visitor visitor = room.visitor();
              visitor.enter();
              order.add("next");
              visitor.leave();
            });
    awaitWaiting(next);

    first.leave();
    // Both wake up and find that they must still wait.
    awaitWaiting(alone);
    awaitWaiting(next);
    assertEquals(List.of(), order);
    second.leave();

    alone.join(60_000);
    next.join(60_000);
    assertEquals(List.of("alone", "next"), order);
    assertFalse(room.isWanted());
  }

  @Test
  void manyTasksCanBeInsideTogether() throws Exception {
    int tasks = 4;
    CyclicBarrier allInside = new CyclicBarrier(tasks);
    List<Future<?>> all = new ArrayList<>();
    for (int i = 0; i < tasks; i++) {
      all.add(
          threads.submit(
              () -> {
                WorkRoom.Visitor visitor = room.visitor();
                visitor.enter();
                allInside.await(1, TimeUnit.MINUTES);
                visitor.leave();
                return null;
              }));
    }
    for (Future<?> one : all) {
      one.get(2, TimeUnit.MINUTES);
    }
  }

  @Test
  void aTaskThatIsInterruptedWhileItWaitsBlocksNobody() throws Exception {
    WorkRoom.Visitor inside = room.visitor();
    inside.enter();
    WorkRoom.Visitor stopped = room.visitor();
    List<JobException> thrown = Collections.synchronizedList(new ArrayList<>());
    Thread alone =
        started(
            () -> {
              thrown.add(assertThrows(JobException.class, stopped::enterAlone));
              // Outside the room, leaving does nothing.
              stopped.leave();
            });
    awaitWaiting(alone);
    alone.interrupt();
    alone.join(60_000);
    assertEquals("Interrupted while waiting for the rows of other tasks", message(thrown));
    assertFalse(room.isWanted());

    Future<?> next = threads.submit(() -> room.visitor().enter());
    next.get(60, TimeUnit.SECONDS);
  }

  private static String message(List<JobException> thrown) {
    assertEquals(1, thrown.size());
    assertInstanceOf(InterruptedException.class, thrown.get(0).getCause());
    return thrown.get(0).getMessage();
  }

  @Test
  void nobodyIsInsideWithATaskThatIsAlone() throws Exception {
    AtomicInteger inside = new AtomicInteger();
    AtomicInteger wrong = new AtomicInteger();
    List<Future<?>> all = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      boolean alone = i < 2;
      all.add(
          threads.submit(
              () -> {
                WorkRoom.Visitor visitor = room.visitor();
                for (int n = 0; n < 200; n++) {
                  if (alone) {
                    visitor.enterAlone();
                  } else {
                    visitor.enter();
                  }
                  int now = inside.incrementAndGet();
                  Thread.onSpinWait();
                  if (alone && (now != 1 || inside.get() != 1)) {
                    wrong.incrementAndGet();
                  }
                  inside.decrementAndGet();
                  visitor.leave();
                }
              }));
    }
    for (Future<?> one : all) {
      finish(one);
    }
    assertEquals(0, wrong.get());
  }

  private static void finish(Future<?> one) throws Exception {
    try {
      one.get(60, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      throw new AssertionError(e.getCause());
    }
  }
}
