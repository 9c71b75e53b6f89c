package io.glmimage.natives;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HostLockTest {
  @TempDir Path folder;

  @Test
  void aSecondTakerWaitsForTheFirst() throws Exception {
    Path file = folder.resolve("loading.lock");
    AtomicBoolean released = new AtomicBoolean();
    FutureTask<Boolean> second =
        new FutureTask<>(
            () -> {
              try (HostLock lock = HostLock.take(file)) {
                return lock.held() && released.get();
              }
            });
    Thread thread = new Thread(second);
    try (HostLock lock = HostLock.take(file)) {
      assertTrue(lock.held());
      thread.start();
      // Until it sleeps between two attempts, or has ended without having to wait.
      while (thread.isAlive() && thread.getState() != Thread.State.TIMED_WAITING) {
        Thread.onSpinWait();
      }
      released.set(true);
    }
    assertTrue(second.get(60, TimeUnit.SECONDS), "the second taker had the lock too early");
  }

  @Test
  void withoutFileLocksEveryTakerGoesOnWithoutOne() throws Exception {
    Path notAFolder = Files.writeString(folder.resolve("file"), "x");
    try (HostLock first = HostLock.take(notAFolder.resolve("loading.lock"));
        HostLock second = HostLock.take(notAFolder.resolve("loading.lock"))) {
      assertFalse(first.held());
      assertFalse(second.held());
    }
  }
}
