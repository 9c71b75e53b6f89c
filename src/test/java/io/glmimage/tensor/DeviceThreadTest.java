package io.glmimage.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class DeviceThreadTest {
  private final AtomicInteger starts = new AtomicInteger();
  private final DeviceThread device = new DeviceThread("device-test", starts::incrementAndGet);

  @AfterEach
  void close() {
    device.close();
  }

  @Test
  void oneThreadDoesAllWorkUntilItIsReplaced() {
    Thread first = device.call(Thread::currentThread);
    assertNotSame(Thread.currentThread(), first);
    assertEquals("device-test", first.getName());
    assertTrue(first.isDaemon());
    assertSame(first, device.call(Thread::currentThread));
    assertEquals(1, starts.get());
    device.replace();
    Thread second = device.call(Thread::currentThread);
    assertNotSame(first, second);
    assertEquals(2, starts.get());
    assertFalse(first.isAlive(), "the thread before has ended");
    device.close();
    assertFalse(second.isAlive());
  }

  @Test
  void exceptionsOfTheWorkReachTheCaller() {
    RuntimeException refused = new IllegalArgumentException("no");
    assertSame(
        refused,
        assertThrows(
            RuntimeException.class,
            () ->
                device.call(
                    () -> {
                      throw refused;
                    })));
    Error broken = new AssertionError("broken");
    assertSame(
        broken,
        assertThrows(
            Error.class,
            () ->
                device.call(
                    () -> {
                      throw broken;
                    })));
    assertEquals(7, device.call(() -> 7));
  }

  @Test
  void aThreadThatCannotStartIsNotKept() {
    AtomicInteger tries = new AtomicInteger();
    try (DeviceThread late =
        new DeviceThread(
            "device-test",
            () -> {
              if (tries.incrementAndGet() == 1) {
                throw new IllegalStateException("no device");
              }
            })) {
      assertThrows(IllegalStateException.class, () -> late.call(() -> 1));
      assertEquals(2, late.call(() -> 2));
      assertEquals(2, tries.get());
    }
  }

  @Test
  void anInterruptedCallerStillWaitsAndStaysInterrupted() {
    Thread caller = Thread.currentThread();
    int result =
        device.call(
            () -> {
              caller.interrupt();
              // Until the caller has seen the interruption and waits again.
              long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
              while (caller.isInterrupted() || caller.getState() != Thread.State.TIMED_WAITING) {
                if (System.nanoTime() > deadline) {
                  throw new AssertionError("the caller is " + caller.getState());
                }
                Thread.onSpinWait();
              }
              return 5;
            });
    assertTrue(Thread.interrupted());
    assertEquals(5, result);
  }

  @Test
  void workThatGoesOnIsWaitedForHoweverLongItTakes() {
    Duration silence = Duration.ofMillis(500);
    try (DeviceThread patient = new DeviceThread("device-test", () -> {}, silence)) {
      long end = System.nanoTime() + 2 * silence.toNanos();
      int result =
          patient.call(
              () -> {
                int scopes = 0;
                while (System.nanoTime() < end) {
                  try (TensorScope scope = new TensorScope()) {
                    scopes++;
                  }
                }
                return scopes;
              });
      assertTrue(result > 0);
    }
  }
}
