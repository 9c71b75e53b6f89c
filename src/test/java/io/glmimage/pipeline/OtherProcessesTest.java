package io.glmimage.pipeline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.kernel.WatchedKernels;
import io.glmimage.tensor.Compute;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Memory that other processes take, made up on the CPU. */
class OtherProcessesTest {
  private static final long GIB = 1L << 30;

  private long held = 5 * GIB;
  private Duration slept = Duration.ZERO;

  /** When the others give back their memory; null for never. */
  private Duration release;

  private final OtherProcesses others = new OtherProcesses("cuda:0", () -> held, this::sleep);

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
    others.awaitRelease("a");
    assertEquals(Duration.ofMinutes(1), slept);
    others.awaitRelease("b");
    assertEquals(Duration.ofMinutes(1), slept);
    held += 20 * GIB;
    others.awaitRelease("c");
    assertEquals(Duration.ofMinutes(2), slept, "another process has come");
  }

  @Test
  void memoryOfThisProcessIsNotWaitedFor() {
    held += OtherProcesses.OWN_GROWTH;
    others.awaitRelease("a");
    assertEquals(Duration.ZERO, slept);
  }

  @Test
  void aCancelledTaskDoesNotWait() {
    OtherProcesses interrupted =
        new OtherProcesses(
            "cuda:0",
            () -> held,
            time -> {
              throw new InterruptedException();
            });
    held += 100 * GIB;
    interrupted.awaitRelease("a");
    assertTrue(Thread.interrupted(), "the interrupt is kept");
  }
}
