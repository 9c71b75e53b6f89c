package io.glmimage.tensor;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HostLockTest {
  @TempDir Path folder;

  @Test
  void aSecondTakerWaitsForTheFirst() throws Exception {
    Path file = folder.resolve("loading.lock");
    CountDownLatch taken = new CountDownLatch(1);
    Thread second =
        new Thread(
            () -> {
              try (HostLock lock = HostLock.take(file)) {
                taken.countDown();
              }
            });
    try (HostLock lock = HostLock.take(file)) {
      second.start();
      assertFalse(taken.await(200, TimeUnit.MILLISECONDS), "both had the lock");
    }
    assertTrue(taken.await(20, TimeUnit.SECONDS), "the lock was not given back");
    second.join();
  }

  @Test
  void goesOnWithoutALockWhereThereCanBeNone() throws Exception {
    Path notAFolder = Files.writeString(folder.resolve("file"), "x");
    HostLock.take(notAFolder.resolve("loading.lock")).close();
  }
}
