package io.glmimage.pipeline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.kernel.WatchedKernels;
import io.glmimage.tensor.Compute;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.Test;

/** Memory that other programs take, made up on the CPU. */
class OtherProcessesTest {
  private static final long GIB = 1L << 30;

  private long held = 5 * GIB;
  private Duration slept = Duration.ZERO;

  /** When the others give back their memory; null for never. */
  private Duration release;

  /** Whether this process's own limit is what leaves no memory. */
  private boolean limited;

  private final OtherProcesses others =
      new OtherProcesses("cuda:0", () -> held, () -> limited, this::sleep);

  private void sleep(Duration time) {
    slept = slept.plus(time);
    if (release != null && slept.compareTo(release) >= 0) {
      held = 5 * GIB;
    }
  }

  @Test
  void aRowWaitsForMemoryThatOthersGiveBackAndIsEdited() {
    release = Duration.ofSeconds(8);
    List<Long> tries = new ArrayList<>();
    try (MemoryShortage device =
        new MemoryShortage(Compute.cpu(), () -> {}, null, () -> true, others)) {
      List<Outcome<String>> outcomes =
          device.inHalves(
              List.of("a", "b"),
              row -> row,
              () -> true,
              rows -> {
                if (tries.isEmpty()) {
                  held += 100 * GIB;
                }
                tries.add(held);
                if (held > 50 * GIB) {
                  throw WatchedKernels.outOfMemory();
                }
                return rows;
              });
      assertEquals(List.of(new Outcome.Done<>("a"), new Outcome.Done<>("b")), outcomes);
    }
    assertEquals(release, slept);
    // Both together, the first alone, again after the wait, and the second.
    assertEquals(List.of(105 * GIB, 105 * GIB, 5 * GIB, 5 * GIB), tries);
  }

  @Test
  void memoryThatStaysTakenIsWaitedForOnce() {
    held += 100 * GIB;
    others.awaitRelease("a", () -> true);
    assertEquals(Duration.ofMinutes(1), slept);
    others.awaitRelease("b", () -> true);
    assertEquals(Duration.ofMinutes(1), slept);
    held += 20 * GIB;
    others.awaitRelease("c", () -> true);
    assertEquals(Duration.ofMinutes(2), slept, "another process has come");
  }

  @Test
  void memoryOfThisProcessIsNotWaitedFor() {
    held += Compute.OUTSIDE_CHANGE;
    others.awaitRelease("a", () -> true);
    assertEquals(Duration.ZERO, slept);
  }

  @Test
  void aLimitOfThisProcessIsNotWaitedFor() {
    held += 100 * GIB;
    limited = true;
    assertTrue(others.awaitRelease("a", () -> true));
    assertEquals(Duration.ZERO, slept);
  }

  @Test
  void memoryThatWasGivenBackIsWaitedForWhenItIsTakenAgain() {
    held += 100 * GIB;
    others.awaitRelease("a", () -> true);
    held -= 100 * GIB;
    others.observe();
    held += 100 * GIB;
    others.awaitRelease("b", () -> true);
    assertEquals(Duration.ofMinutes(2), slept);
  }

  @Test
  void aRowThatIsNoLongerWantedEndsTheWaitAndIsNotTriedAgain() {
    List<Long> tries = new ArrayList<>();
    held += 100 * GIB;
    try (MemoryShortage device =
        new MemoryShortage(Compute.cpu(), () -> {}, null, () -> true, others)) {
      assertThrows(
          CancellationException.class,
          () ->
              device.retried(
                  "a",
                  () -> slept.compareTo(Duration.ofSeconds(2)) < 0,
                  () -> {
                    tries.add(held);
                    throw WatchedKernels.outOfMemory();
                  }));
    }
    assertEquals(Duration.ofSeconds(2), slept);
    assertEquals(1, tries.size());
  }

  @Test
  void anInterruptedThreadDoesNotWait() {
    OtherProcesses interrupted =
        new OtherProcesses(
            "cuda:0",
            () -> held,
            () -> false,
            time -> {
              throw new InterruptedException();
            });
    held += 100 * GIB;
    interrupted.awaitRelease("a", () -> true);
    assertTrue(Thread.interrupted(), "the interrupt is kept");
  }
}
