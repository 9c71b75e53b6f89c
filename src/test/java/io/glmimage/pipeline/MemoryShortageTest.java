package io.glmimage.pipeline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.LostDeviceException;
import io.glmimage.kernel.WatchedKernels;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.DeviceThread;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Failures of a device that answers, and of one that does not, made up on the CPU. */
class MemoryShortageTest {
  private static final String ILLEGAL_ADDRESS =
      "CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be reported"
          + " asynchronously";

  private final AtomicBoolean usable = new AtomicBoolean(true);
  private final AtomicInteger freed = new AtomicInteger();
  private final MemoryShortage device =
      new MemoryShortage(
          Compute.cpu(),
          freed::incrementAndGet,
          null,
          usable::get,
          OtherProcesses.on(Compute.cpu(), 0));

  @Test
  void aRefusedCallFailsItsRowAloneIfTheDeviceStillAnswers() {
    List<Outcome<String>> outcomes =
        device.inHalves(
            List.of("a", "b", "c"),
            row -> row,
            () -> true,
            rows -> {
              if (rows.contains("b")) {
                throw new RuntimeException("CUDA error: invalid configuration argument");
              }
              return rows;
            });
    assertEquals(new Outcome.Done<>("a"), outcomes.get(0));
    assertTrue(outcomes.get(1) instanceof Outcome.Failed<String>, outcomes::toString);
    assertEquals(new Outcome.Done<>("c"), outcomes.get(2));
    assertFalse(device.isLost());
  }

  @Test
  void aDeviceThatDoesNotAnswerGetsNoFurtherWork() {
    List<List<String>> tried = new ArrayList<>();
    LostDeviceException lost =
        assertThrows(
            LostDeviceException.class,
            () ->
                device.inHalves(
                    List.of("a", "b"),
                    row -> row,
                    () -> true,
                    rows -> {
                      tried.add(rows);
                      usable.set(false);
                      throw new RuntimeException(ILLEGAL_ADDRESS);
                    }));
    assertEquals(
        "Cannot continue: cpu was lost at one of the rows [a, b], and this process cannot use it"
            + " any more: CUDA error: an illegal memory access was encountered",
        lost.getMessage());
    assertTrue(device.isLost());
    assertSame(
        lost,
        assertThrows(LostDeviceException.class, () -> device.retried("c", () -> true, () -> 1)));
    assertSame(lost, assertThrows(LostDeviceException.class, device::makeCurrent));
    assertThrows(LostDeviceException.class, () -> device.rowFailure("c", lost));
    assertEquals(List.of(List.of("a", "b")), tried);
    assertEquals(0, freed.get(), "nothing is freed on a lost device");
  }

  @Test
  void aShortageIsNotTriedAgainOnALostDevice() {
    AtomicInteger tries = new AtomicInteger();
    usable.set(false);
    LostDeviceException lost =
        assertThrows(
            LostDeviceException.class,
            () ->
                device.retried(
                    "a",
                    () -> true,
                    () -> {
                      tries.incrementAndGet();
                      throw WatchedKernels.outOfMemory();
                    }));
    assertTrue(lost.getMessage().startsWith("Cannot continue: cpu was lost at row a, "));
    assertEquals(1, tries.get());
  }

  @Test
  void aKernelThatDoesNotEndLosesTheDevice() {
    CountDownLatch never = new CountDownLatch(1);
    try (MemoryShortage hanging =
        new MemoryShortage(
            Compute.cpu(),
            freed::incrementAndGet,
            new DeviceThread("device-test", () -> {}, Duration.ofMillis(200)),
            usable::get,
            OtherProcesses.on(Compute.cpu(), 0))) {
      LostDeviceException lost =
          assertThrows(
              LostDeviceException.class,
              () ->
                  hanging.retried(
                      "a",
                      () -> true,
                      () -> {
                        try {
                          never.await();
                        } catch (InterruptedException e) {
                          Thread.currentThread().interrupt();
                        }
                        return 1;
                      }));
      assertTrue(
          lost.getMessage().contains("no progress for 0 seconds: a kernel does not end"),
          lost.getMessage());
      assertTrue(hanging.isLost());
    } finally {
      // Closing has not waited for the thread.
      never.countDown();
    }
  }
}
