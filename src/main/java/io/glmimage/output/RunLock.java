package io.glmimage.output;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.glmimage.error.JobException;
import io.glmimage.error.UsageException;
import io.glmimage.io.DaemonThreads;
import io.glmimage.io.Storage;
import io.glmimage.json.Json;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.UUID;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps a second run out of a folder that a run is writing to. The lock is a small file that names
 * its owner. The owner renews it every few seconds; a lock that was not renewed for {@code timeout}
 * is taken over.
 *
 * <p>On a local disk and HDFS, only one run can create the file. Object stores do not have this
 * operation in all Hadoop versions. There, a run writes the file, waits a moment, and has the lock
 * only if the file is still its own. Each owner checks the file before it renews it, and stops
 * working if another run has taken the lock.
 */
public final class RunLock implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(RunLock.class);
  private static final int MAX_BYTES = 1 << 16;
  private static final int BEATS_PER_TIMEOUT = 6;
  private static final long POLL_MILLIS = 500;

  /**
   * Executors end when the connection to their driver breaks. If the driver dies, its host closes
   * the connection at once, but the last requests of the executors take a moment.
   */
  private static final Duration EXECUTORS_END = Duration.ofSeconds(10);

  /** Longer than a slow PUT of a few hundred bytes takes. */
  private static final long SETTLE_MILLIS = 2000;

  /** The clock, and waiting. Tests replace it. */
  interface Time {
    Time SYSTEM =
        new Time() {
          @Override
          public Instant now() {
            return Instant.now();
          }

          @Override
          public long nanos() {
            return System.nanoTime();
          }

          @Override
          public void sleep(Duration time) throws InterruptedException {
            Thread.sleep(time.toMillis());
          }
        };

    Instant now();

    /** Nanoseconds since some moment; unlike {@link #now}, they never jump. */
    long nanos();

    void sleep(Duration time) throws InterruptedException;
  }

  /**
   * What is locked, and for how long.
   *
   * @param path of the lock file
   * @param folder the locked folder, for messages
   * @param timeout a lock that was not renewed for this long is taken over
   * @param diesWithProcess whether all work ends with this process. If so, another process of this
   *     host can take the lock as soon as this process is gone. If not, it first waits some seconds
   *     for the executors to end.
   */
  public record Terms(String path, String folder, Duration timeout, boolean diesWithProcess) {}

  private final Storage storage;
  private final Time time;
  private final String path;
  private final Duration timeout;
  private final String token = UUID.randomUUID().toString();
  private final ObjectNode content = Json.MAPPER.createObjectNode();
  private final ScheduledExecutorService timer;
  private final Consumer<JobException> whenLost;
  private final Consumer<String> notice;
  private volatile boolean closed;
  private volatile JobException lost;
  private volatile long lastBeat = System.nanoTime();

  private RunLock(
      Storage storage,
      Time time,
      Terms terms,
      Consumer<JobException> whenLost,
      Consumer<String> notice) {
    this.storage = storage;
    this.time = time;
    this.path = terms.path();
    this.timeout = terms.timeout();
    this.whenLost = whenLost;
    this.notice = notice;
    content.put("token", token);
    content.put("host", hostName());
    content.put("pid", ProcessHandle.current().pid());
    content.put("started", time.now().toString());
    content.put("timeout_millis", timeout.toMillis());
    content.put("owner_process", HostProcess.current().toString());
    content.put("executors", !terms.diesWithProcess());
    timer = Executors.newSingleThreadScheduledExecutor(DaemonThreads.named("run-lock"));
  }

  /**
   * Takes the lock.
   *
   * @param whenLost called on another thread when the lock is lost
   * @param notice receives messages for the user: why this takes time, whose lock is taken over
   * @throws UsageException if a living run holds the lock
   */
  public static RunLock acquire(
      Storage storage, Terms terms, Consumer<JobException> whenLost, Consumer<String> notice)
      throws IOException {
    return acquire(storage, Time.SYSTEM, terms, whenLost, notice);
  }

  static RunLock acquire(
      Storage storage,
      Time time,
      Terms terms,
      Consumer<JobException> whenLost,
      Consumer<String> notice)
      throws IOException {
    RunLock lock = new RunLock(storage, time, terms, whenLost, notice);
    try {
      lock.take(terms.folder());
    } catch (IOException | RuntimeException e) {
      lock.timer.shutdownNow();
      throw e;
    }
    long period = Math.max(1, terms.timeout().toMillis() / BEATS_PER_TIMEOUT);
    var unused =
        lock.timer.scheduleWithFixedDelay(lock::beat, period, period, TimeUnit.MILLISECONDS);
    return lock;
  }

  /**
   * Waits until the lock can be taken, or is known to be held.
   *
   * <pre>
   * LOOK: create the file
   *  |- created ----------------------------------------------> HELD (object store: SETTLE)
   *  '- exists: read it
   *      |- gone ---------------------------------------------> LOOK
   *      |- renewed since the last look ----------------------> REFUSED
   *      |- unchanged for the timeout, or its process is gone
   *      |  and its executors had time to end: overwrite -----> SETTLE
   *      |- renewed lately, and its process is alive here ----> REFUSED
   *      '- otherwise: wait 0.5 s ----------------------------> LOOK
   * SETTLE: wait, read the file
   *  |- own --------------------------------------------------> HELD
   *  '- another run's ----------------------------------------> LOOK
   * </pre>
   *
   * @throws UsageException if a living run holds the lock
   */
  private void take(String folder) throws IOException {
    JsonNode seen = null;
    long seenAt = 0;
    boolean seenDead = false;
    long seenDeadAt = 0;
    boolean noticed = false;
    while (true) {
      if (storage.writeNew(path, bytes())) {
        if (!storage.isObjectStore(path) || settled()) {
          return;
        }
        continue;
      }
      JsonNode other = read();
      if (other == null) {
        continue;
      }
      if (seen != null && !seen.equals(other)) {
        throw heldBy(other, folder);
      }
      if (seen == null) {
        seen = other;
        seenAt = time.nanos();
      }
      // Not by dates: the clock of the owner's host may differ by hours, and any clock may be set.
      Duration unchanged = Duration.ofNanos(time.nanos() - seenAt);
      Duration patience =
          Duration.ofMillis(other.path("timeout_millis").asLong(timeout.toMillis()));
      Duration left = patience.minus(unchanged);
      if (process(other).isDead()) {
        seenDeadAt = seenDead ? seenDeadAt : time.nanos();
        seenDead = true;
        Duration executors =
            other.path("executors").asBoolean() ? EXECUTORS_END : Duration.ofNanos(-1);
        left = min(left, executors.minusNanos(time.nanos() - seenDeadAt));
      }
      if (left.isNegative()) {
        notice.accept(
            "Taking over "
                + folder
                + " from a run that ended without releasing it: "
                + owner(other));
        storage.write(path, bytes());
        if (settled()) {
          return;
        }
        continue;
      }
      if (renewedLately(other, patience) && process(other).isAlive()) {
        throw heldBy(other, folder);
      }
      if (!noticed) {
        noticed = true;
        notice.accept(
            (seenDead
                    ? "Waiting for the executors of a run whose driver is gone: "
                    : "Waiting to see whether another run is still writing to " + folder + ": ")
                + owner(other)
                + "; up to "
                + (left.toSeconds() + 1)
                + " s");
      }
      sleep(POLL_MILLIS);
    }
  }

  /**
   * Whether the date in the lock says so. If it is wrong because the clock was set, the lock is
   * watched as others are.
   */
  private boolean renewedLately(JsonNode lock, Duration patience) {
    Duration silent = Duration.between(instant(lock, "heartbeat"), time.now());
    Duration twoBeats = patience.dividedBy(BEATS_PER_TIMEOUT).multipliedBy(2);
    return !silent.isNegative() && silent.compareTo(twoBeats) < 0;
  }

  private static Duration min(Duration a, Duration b) {
    return a.compareTo(b) < 0 ? a : b;
  }

  /** Waits until other runs had time to write the file; whether it is still this run's. */
  private boolean settled() throws IOException {
    sleep(Math.min(SETTLE_MILLIS, Math.max(50, timeout.toMillis() / BEATS_PER_TIMEOUT)));
    return isMine(read());
  }

  private UsageException heldBy(JsonNode other, String folder) {
    return new UsageException(
        "Cannot write to "
            + folder
            + ": another run is writing there ("
            + owner(other)
            + "); wait until it ends, or choose another --output. The lock is "
            + path);
  }

  private static String owner(JsonNode lock) {
    return "process "
        + lock.path("pid").asText("?")
        + " on "
        + lock.path("host").asText("?")
        + ", since "
        + lock.path("started").asText("?")
        + ", last renewed "
        + lock.path("heartbeat").asText("?");
  }

  /**
   * Checks that this run still holds the lock.
   *
   * @throws JobException if it does not
   */
  public void check() {
    if (lost != null) {
      throw new JobException(lost.getMessage(), lost);
    }
  }

  private void beat() {
    if (closed || lost != null) {
      return;
    }
    try {
      JsonNode now = read();
      if (now != null && !isMine(now)) {
        lose("another run has taken it: " + now);
        return;
      }
      storage.write(path, bytes());
      lastBeat = System.nanoTime();
    } catch (IOException | RuntimeException e) {
      LOG.warn("Cannot write the lock {}: {}", path, e.getMessage());
      if (System.nanoTime() - lastBeat > timeout.toNanos()) {
        lose("it could not be written for " + timeout.toSeconds() + " s: " + e.getMessage());
      }
    }
  }

  private void lose(String why) {
    lost = new JobException("Stopped: the lock " + path + " is lost, " + why);
    LOG.error(lost.getMessage());
    whenLost.accept(lost);
  }

  /** Releases the lock if it is still held. */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    timer.shutdown();
    try {
      if (!timer.awaitTermination(timeout.toMillis(), TimeUnit.MILLISECONDS)) {
        LOG.warn("The lock {} is still being written", path);
      }
      if (lost == null && isMine(read())) {
        storage.delete(path);
      }
    } catch (IOException | RuntimeException e) {
      // The run has ended, and its own failure counts.
      LOG.warn(
          "Cannot release the lock {}; it is free in {} s: {}",
          path,
          timeout.toSeconds(),
          e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private boolean isMine(JsonNode other) {
    return other != null && token.equals(other.path("token").asText());
  }

  private byte[] bytes() throws IOException {
    ObjectNode now = content.deepCopy();
    now.put("heartbeat", time.now().toString());
    return Json.MAPPER.writeValueAsString(now).getBytes(StandardCharsets.UTF_8);
  }

  /** The content of the lock; null if there is none. A file that is just being written is empty. */
  private JsonNode read() throws IOException {
    try {
      byte[] bytes = storage.read(path, MAX_BYTES);
      return bytes.length == 0 ? fresh() : Json.MAPPER.readTree(bytes);
    } catch (FileNotFoundException e) {
      return null;
    } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
      return fresh();
    }
  }

  /** Always the same content, so that a lock that stays empty is taken over. */
  private JsonNode fresh() {
    return Json.MAPPER.createObjectNode();
  }

  private static Instant instant(JsonNode lock, String field) {
    try {
      return Instant.parse(lock.path(field).asText());
    } catch (java.time.format.DateTimeParseException e) {
      return Instant.EPOCH;
    }
  }

  /** The owner; that of a lock of an earlier version is not known. */
  private static HostProcess process(JsonNode lock) {
    return HostProcess.parse(lock.path("owner_process").asText());
  }

  private static String hostName() {
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException e) {
      return "an unnamed host";
    }
  }

  private void sleep(long millis) throws IOException {
    try {
      time.sleep(Duration.ofMillis(millis));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("Interrupted while waiting for a lock", e);
    }
  }
}
