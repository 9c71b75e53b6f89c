package io.glmimage.spark.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
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

  @Test
  void whoeverWantsToBeAloneWaitsForTheOthersAndGoesBeforeNewOnes() throws Exception {
    room.enter();
    room.enter();
    List<String> order = new ArrayList<>();
    Future<?> alone =
        threads.submit(
            () -> {
              room.enterAlone();
              order.add("alone");
              room.leaveAlone();
              return null;
            });
    while (!room.isWanted()) {
      Thread.sleep(1);
    }
    Future<?> next =
        threads.submit(
            () -> {
              room.enter();
              order.add("next");
              room.leave();
              return null;
            });
    Thread.sleep(50);
    room.leave();
    Thread.sleep(50);
    assertFalse(alone.isDone() || next.isDone());

    room.leave();

    alone.get(10, TimeUnit.SECONDS);
    next.get(10, TimeUnit.SECONDS);
    assertEquals(List.of("alone", "next"), order);
    assertFalse(room.isWanted());
  }

  @Test
  void aTaskThatIsStoppedWhileItWaitsHoldsNobodyUp() throws Exception {
    room.enter();
    Future<?> alone =
        threads.submit(
            () -> {
              room.enterAlone();
              return null;
            });
    while (!room.isWanted()) {
      Thread.sleep(1);
    }
    alone.cancel(true);
    Future<?> next =
        threads.submit(
            () -> {
              room.enter();
              return null;
            });
    next.get(10, TimeUnit.SECONDS);
    assertFalse(room.isWanted());
  }

  @Test
  void nobodyIsEverThereWithOneWhoIsAlone() throws Exception {
    AtomicInteger inside = new AtomicInteger();
    AtomicInteger wrong = new AtomicInteger();
    AtomicInteger most = new AtomicInteger();
    List<Future<?>> all = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      boolean alone = i < 2;
      all.add(
          threads.submit(
              () -> {
                for (int n = 0; n < 200; n++) {
                  if (alone) {
                    room.enterAlone();
                  } else {
                    room.enter();
                  }
                  int now = inside.incrementAndGet();
                  most.accumulateAndGet(now, Math::max);
                  Thread.onSpinWait();
                  if (alone && (now != 1 || inside.get() != 1)) {
                    wrong.incrementAndGet();
                  }
                  inside.decrementAndGet();
                  if (alone) {
                    room.leaveAlone();
                  } else {
                    room.leave();
                  }
                }
                return null;
              }));
    }
    for (Future<?> one : all) {
      one.get(60, TimeUnit.SECONDS);
    }
    assertEquals(0, wrong.get());
    assertTrue(most.get() >= 1);
  }
}
