package io.glmimage.output;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.glmimage.error.JobException;
import io.glmimage.error.UsageException;
import io.glmimage.io.Storage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("resume")
class RunLockTest {
  @TempDir private Path folder;
  private final Storage storage = new Storage(new Configuration());

  private String path() {
    return folder + "/_run/lock.json";
  }

  private final List<String> notices = new CopyOnWriteArrayList<>();

  private RunLock acquire(long timeoutMillis, CountDownLatch lost) throws IOException {
    return acquire(timeoutMillis, true, lost);
  }

  private RunLock acquire(long timeoutMillis, boolean diesWithProcess, CountDownLatch lost)
      throws IOException {
    return RunLock.acquire(
        storage,
        path(),
        "the output",
        Duration.ofMillis(timeoutMillis),
        diesWithProcess,
        why -> lost.countDown(),
        notices::add);
  }

  /** The lock of a process of this host that is gone. */
  private void leaveLock(boolean diesWithProcess) throws IOException {
    RunLock lock = acquire(60_000, diesWithProcess, new CountDownLatch(1));
    ObjectNode content = (ObjectNode) new ObjectMapper().readTree(Path.of(path()).toFile());
    lock.close();
    String process = content.path("process").asText();
    // Such a process number may be in use again, by a process that began at another time.
    content.put(
        "process", process.substring(0, process.lastIndexOf(' ')) + " 1970-01-01T00:00:00Z");
    storage.write(path(), new ObjectMapper().writeValueAsBytes(content));
  }

  private void write(Instant heartbeat) throws IOException {
    storage.write(
        path(),
        ("{\"token\":\"t\",\"host\":\"elsewhere\",\"pid\":7,\"started\":\"2026-01-01T00:00:00Z\","
                + "\"heartbeat\":\""
                + heartbeat
                + "\"}")
            .getBytes(java.nio.charset.StandardCharsets.UTF_8));
  }

  @Test
  void oneOfManyGetsItAndTheNextOneAfterItsRelease() throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(8);
    AtomicInteger refused = new AtomicInteger();
    List<RunLock> held = new ArrayList<>();
    try {
      List<Future<?>> all = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        all.add(
            threads.submit(
                () -> {
                  try {
                    RunLock lock = acquire(60_000, new CountDownLatch(1));
                    synchronized (held) {
                      held.add(lock);
                    }
                  } catch (UsageException e) {
                    assertTrue(e.getMessage().contains("another run is writing there"));
                    refused.incrementAndGet();
                  }
                  return null;
                }));
      }
      for (Future<?> one : all) {
        one.get();
      }
    } finally {
      threads.shutdownNow();
    }
    assertEquals(1, held.size());
    assertEquals(7, refused.get());
    held.get(0).close();
    assertFalse(Files.exists(Path.of(path())));
    acquire(60_000, new CountDownLatch(1)).close();
  }

  @Test
  void aSilentOwnerIsReplacedAndALivingOneIsNot() throws Exception {
    write(Instant.now().minusSeconds(5));
    acquire(1000, new CountDownLatch(1)).close();

    write(Instant.now());
    Thread beating =
        new Thread(
            () -> {
              try {
                while (true) {
                  Thread.sleep(100);
                  write(Instant.now());
                }
              } catch (InterruptedException | IOException e) {
                // The test is over.
              }
            });
    beating.start();
    try {
      String message =
          assertThrows(UsageException.class, () -> acquire(3000, new CountDownLatch(1)))
              .getMessage();
      assertTrue(message.contains("process 7 on elsewhere"), message);
    } finally {
      beating.interrupt();
      beating.join();
    }
  }

  @Test
  void theClockOfTheOwnersHostDoesNotMatter() throws Exception {
    for (String heartbeat : new String[] {"2999-01-01T00:00:00Z", "1970-01-01T00:00:00Z"}) {
      notices.clear();
      write(Instant.parse(heartbeat));
      acquire(1000, new CountDownLatch(1)).close();
      assertTrue(notices.get(0).endsWith("; up to 1 s"), notices::toString);
      assertTrue(notices.get(1).startsWith("Taking over the output"), notices::toString);
    }
  }

  @Test
  void anEmptyLockIsTakenOver() throws Exception {
    storage.write(path(), new byte[0]);
    acquire(500, new CountDownLatch(1)).close();
    assertTrue(notices.get(1).startsWith("Taking over the output"), notices::toString);
  }

  @Test
  void theLockOfAProcessThatIsGoneIsTakenAtOnceAndThatOfADriverWhenItsExecutorsHaveEnded()
      throws Exception {
    leaveLock(true);
    long start = System.nanoTime();
    acquire(60_000, new CountDownLatch(1)).close();
    assertTrue(System.nanoTime() - start < 5e9, notices::toString);
    assertEquals(1, notices.size(), notices::toString);
    assertTrue(
        notices.get(0).startsWith("Taking over the output from a run that ended without"),
        notices::toString);

    notices.clear();
    leaveLock(false);
    start = System.nanoTime();
    acquire(60_000, false, new CountDownLatch(1)).close();
    double seconds = (System.nanoTime() - start) / 1e9;
    assertTrue(seconds > 9 && seconds < 20, seconds + " s, " + notices);
    assertEquals(2, notices.size(), notices::toString);
    assertTrue(
        notices
            .get(0)
            .matches(
                "Waiting for the executors of a run whose driver is gone: process \\d+ on .*; up to (10|11) s"),
        notices::toString);
    assertTrue(notices.get(1).startsWith("Taking over the output"), notices::toString);
  }

  @Test
  void anOwnerThatLosesTheLockIsTold() throws Exception {
    CountDownLatch lost = new CountDownLatch(1);
    try (RunLock lock = acquire(600, lost)) {
      lock.check();
      write(Instant.now());
      assertTrue(lost.await(10, TimeUnit.SECONDS));
      JobException told = assertThrows(JobException.class, lock::check);
      assertTrue(told.getMessage().contains("another run has taken it"), told.getMessage());
    }
    // It is not this run's to release.
    assertTrue(Files.exists(Path.of(path())));
  }
}
