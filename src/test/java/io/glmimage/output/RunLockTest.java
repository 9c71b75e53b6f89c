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
import java.io.UncheckedIOException;
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
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("resume")
class RunLockTest {
  @TempDir private Path folder;
  private final Storage storage = new Storage(new Configuration());

  private String path() {
    return folder + "/_run/lock.json";
  }

  private final List<String> notices = new CopyOnWriteArrayList<>();

  /** A clock that only waiting advances. */
  private static final class FakeTime implements RunLock.Time {
    private Instant now = Instant.parse("2026-01-01T00:00:00Z");
    private long nanos = Long.MAX_VALUE - 1_000_000_000L;
    private Duration slept = Duration.ZERO;
    private Action onSleep = () -> {};

    private interface Action {
      void run() throws IOException;
    }

    @Override
    public synchronized Instant now() {
      return now;
    }

    @Override
    public synchronized long nanos() {
      return nanos;
    }

    @Override
    public synchronized void sleep(Duration time) {
      now = now.plus(time);
      nanos += time.toNanos();
      slept = slept.plus(time);
      try {
        onSleep.run();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  private final FakeTime time = new FakeTime();

  private RunLock acquire(long timeoutMillis, CountDownLatch lost) throws IOException {
    return acquire(timeoutMillis, true, lost);
  }

  private RunLock acquire(long timeoutMillis, boolean diesWithProcess, CountDownLatch lost)
      throws IOException {
    return RunLock.acquire(
        storage,
        time,
        new RunLock.Terms(path(), "the output", Duration.ofMillis(timeoutMillis), diesWithProcess),
        why -> lost.countDown(),
        notices::add);
  }

  /** Leaves the lock of a process of this host that has ended. */
  private void leaveLock(boolean diesWithProcess) throws IOException {
    RunLock lock = acquire(60_000, diesWithProcess, new CountDownLatch(1));
    ObjectNode content = (ObjectNode) new ObjectMapper().readTree(Path.of(path()).toFile());
    lock.close();
    HostProcess process = HostProcess.parse(content.path("owner_process").asText());
    // Another process may have the same number now, but it started at another time.
    content.put(
        "owner_process",
        new HostProcess(process.host(), process.pid(), process.start() - 1).toString());
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
  void oneOfManyRunsGetsTheLockAndTheNextOneAfterItsRelease() throws Exception {
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
  void aLockThatIsRenewedIsNotTakenOver() throws Exception {
    write(time.now());
    time.onSleep = () -> write(time.now());
    String message =
        assertThrows(UsageException.class, () -> acquire(3000, new CountDownLatch(1))).getMessage();
    assertTrue(message.contains("process 7 on elsewhere"), message);
    assertEquals(Duration.ofMillis(500), time.slept, "one look at the renewed lock");
  }

  /** The clock of the owner's host may be wrong by years. */
  @ParameterizedTest
  @ValueSource(strings = {"2026-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "1970-01-01T00:00:00Z"})
  void aLockThatIsNotRenewedIsTakenOverAfterTheTimeout(String heartbeat) throws Exception {
    write(Instant.parse(heartbeat));
    acquire(3000, new CountDownLatch(1)).close();
    assertTakenOverAfter(3000);
  }

  @Test
  void anEmptyLockIsTakenOverAfterTheTimeout() throws Exception {
    storage.write(path(), new byte[0]);
    acquire(3000, new CountDownLatch(1)).close();
    assertTakenOverAfter(3000);
  }

  private void assertTakenOverAfter(long timeoutMillis) {
    assertEquals(2, notices.size(), notices::toString);
    assertTrue(
        notices.get(0).startsWith("Waiting to see whether another run is still writing"),
        notices::toString);
    assertTrue(
        notices.get(0).endsWith("; up to " + (timeoutMillis / 1000 + 1) + " s"), notices::toString);
    assertTrue(notices.get(1).startsWith("Taking over the output"), notices::toString);
    long waited = time.slept.toMillis() - settling(timeoutMillis);
    assertTrue(waited > timeoutMillis && waited <= timeoutMillis + 500, waited + " ms");
  }

  @Test
  void theLockOfAProcessThatHasEndedIsTakenAtOnce() throws Exception {
    leaveLock(true);
    acquire(60_000, new CountDownLatch(1)).close();
    assertEquals(Duration.ofMillis(settling(60_000)), time.slept);
    assertEquals(1, notices.size(), notices::toString);
    assertTrue(
        notices.get(0).startsWith("Taking over the output from a run that ended without"),
        notices::toString);
  }

  @Test
  void theLockOfADriverThatHasEndedIsTakenWhenItsExecutorsHaveEnded() throws Exception {
    leaveLock(false);
    acquire(60_000, false, new CountDownLatch(1)).close();
    Duration waited = time.slept.minusMillis(settling(60_000));
    assertTrue(waited.compareTo(Duration.ofSeconds(10)) > 0, waited + "");
    assertTrue(waited.compareTo(Duration.ofMillis(10_500)) <= 0, waited + "");
    assertEquals(2, notices.size(), notices::toString);
    assertTrue(
        notices
            .get(0)
            .matches(
                "Waiting for the executors of a run whose driver is gone: process \\d+ on .*; up to"
                    + " (10|11) s"),
        notices::toString);
    assertTrue(notices.get(1).startsWith("Taking over the output"), notices::toString);
  }

  /** The clock of this host is set while a run waits: by hours, forwards or backwards. */
  @ParameterizedTest
  @ValueSource(longs = {2, -2})
  void aClockThatIsSetWhileARunWaitsChangesNothing(long hours) throws Exception {
    leaveLock(false);
    time.onSleep =
        () -> {
          if (time.slept.toMillis() == 1000) {
            time.now = time.now.plus(Duration.ofHours(hours));
          }
        };
    acquire(60_000, false, new CountDownLatch(1)).close();
    Duration waited = time.slept.minusMillis(settling(60_000));
    assertTrue(waited.compareTo(Duration.ofSeconds(10)) > 0, waited + "");
    assertTrue(waited.compareTo(Duration.ofMillis(10_500)) <= 0, waited + "");
  }

  /** A process that goes on after its run has failed to release the lock, such as a notebook. */
  @Test
  void aDateInTheFutureDoesNotKeepALockThatNobodyRenews() throws Exception {
    try (RunLock lock = acquire(3000, new CountDownLatch(1))) {
      ObjectNode content = (ObjectNode) new ObjectMapper().readTree(Path.of(path()).toFile());
      lock.close();
      content.put("heartbeat", time.now().plus(Duration.ofHours(2)).toString());
      storage.write(path(), new ObjectMapper().writeValueAsBytes(content));
    }
    acquire(3000, new CountDownLatch(1)).close();
    assertTakenOverAfter(3000);
  }

  /** Dates in the lock of a living process are wrong after the clock was set. */
  @ParameterizedTest
  @ValueSource(longs = {2, -2})
  void aRunKeepsItsLockWhenTheClockIsSet(long hours) throws Exception {
    try (RunLock lock = acquire(60_000, new CountDownLatch(1))) {
      byte[] content = storage.read(path(), 1 << 16);
      time.now = time.now.plus(Duration.ofHours(hours));
      time.onSleep =
          () -> {
            // The owner renews it.
            ObjectNode renewed = (ObjectNode) new ObjectMapper().readTree(content);
            renewed.put("heartbeat", time.now().toString());
            storage.write(path(), new ObjectMapper().writeValueAsBytes(renewed));
          };
      String message =
          assertThrows(UsageException.class, () -> acquire(60_000, new CountDownLatch(1)))
              .getMessage();
      assertTrue(message.contains("another run is writing there"), message);
      lock.check();
    }
  }

  /** How long a run waits after it has overwritten a lock. */
  private static long settling(long timeoutMillis) {
    return Math.min(2000, Math.max(50, timeoutMillis / 6));
  }

  @Test
  void anOwnerThatLosesTheLockStops() throws Exception {
    CountDownLatch lost = new CountDownLatch(1);
    try (RunLock lock = acquire(600, lost)) {
      lock.check();
      write(time.now());
      assertTrue(lost.await(60, TimeUnit.SECONDS));
      JobException stopped = assertThrows(JobException.class, lock::check);
      assertTrue(stopped.getMessage().contains("another run has taken it"), stopped.getMessage());
    }
    // The other run's lock stays.
    assertTrue(Files.exists(Path.of(path())));
  }
}
