package io.glmimage.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class GraphRecordingsTest {
  private final GraphRecordings recordings = new GraphRecordings();
  private final Queue<String> events = new ConcurrentLinkedQueue<>();

  @Test
  void twoGpusRecordAtTheSameTimeAndCachesAreEmptiedAfterBoth() throws Exception {
    CountDownLatch both = new CountDownLatch(2);
    CountDownLatch emptying = new CountDownLatch(1);
    ExecutorService threads = Executors.newFixedThreadPool(3);
    try {
      Runnable recording =
          () ->
              recordings.record(
                  () -> {
                    both.countDown();
                    await(both);
                    await(emptying);
                    events.add("recorded");
                  });
      Future<?> first = threads.submit(recording);
      Future<?> second = threads.submit(recording);
      await(both);
      Future<?> third =
          threads.submit(
              () -> {
                emptying.countDown();
                recordings.outside(() -> events.add("emptied"));
              });
      for (Future<?> one : List.of(first, second, third)) {
        one.get(1, TimeUnit.MINUTES);
      }
      assertEquals(List.of("recorded", "recorded", "emptied"), List.copyOf(events));
    } finally {
      threads.shutdownNow();
    }
  }

  @Test
  void aThreadThatRecordsDoesNotWaitForItself() {
    recordings.record(() -> recordings.outside(() -> events.add("emptied")));
    assertTrue(events.isEmpty());
    recordings.outside(() -> events.add("emptied"));
    assertEquals(1, events.size());
  }

  private static void await(CountDownLatch latch) {
    try {
      assertTrue(latch.await(1, TimeUnit.MINUTES));
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
