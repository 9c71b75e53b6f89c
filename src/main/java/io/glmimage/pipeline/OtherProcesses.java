package io.glmimage.pipeline;

import static io.glmimage.pipeline.MemoryPlan.gigabytes;

import io.glmimage.tensor.Compute;
import java.time.Duration;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The memory of a GPU that other processes have taken since this one began to use it. They may give
 * it back soon, so a row that finds too little memory waits for them before it is tried again.
 *
 * <p>Memory that stays taken is waited for once. Not thread-safe.
 */
final class OtherProcesses {
  /** The driver and CUDA's libraries allocate memory besides libtorch, and not all at once. */
  static final long OWN_GROWTH = 2L << 30;

  private static final Duration LONGEST_WAIT = Duration.ofMinutes(1);
  private static final Duration POLL = Duration.ofMillis(250);
  private static final Logger LOG = LoggerFactory.getLogger(OtherProcesses.class);

  /** Waits for a time. */
  @FunctionalInterface
  interface Sleeper {
    void sleep(Duration time) throws InterruptedException;
  }

  private final String device;
  private final LongSupplier held;
  private final Sleeper sleeper;

  /** Bytes that are held without this process's doing, as far as is known. */
  private long usual;

  /**
   * @param held bytes of the device that are not free, without those of libtorch's allocator
   */
  OtherProcesses(String device, LongSupplier held, Sleeper sleeper) {
    this.device = device;
    this.held = held;
    this.sleeper = sleeper;
    this.usual = held.getAsLong();
  }

  /** The other processes on a GPU; none on the CPU. */
  static OtherProcesses on(Compute compute) {
    return new OtherProcesses(
        compute.device(),
        () ->
            compute.isCuda()
                ? compute.totalDeviceMemory().getAsLong()
                    - compute.freeDeviceMemory().getAsLong()
                    - compute.deviceMemoryBytes()
                : 0,
        time -> Thread.sleep(time.toMillis()));
  }

  /** Bytes that other processes have taken; 0 if there may be none. */
  private long taken() {
    long more = held.getAsLong() - usual;
    return more > OWN_GROWTH ? more : 0;
  }

  /**
   * Waits until other processes have given back what they have taken, at most a minute.
   *
   * @param row the request's id, for the log
   */
  void awaitRelease(String row) {
    long taken = taken();
    if (taken == 0) {
      return;
    }
    LOG.warn(
        "Other processes have taken {} GB of {}: row {} waits up to {} s for it",
        gigabytes(taken),
        device,
        row,
        LONGEST_WAIT.toSeconds());
    try {
      for (Duration waited = Duration.ZERO;
          taken > 0 && waited.compareTo(LONGEST_WAIT) < 0;
          waited = waited.plus(POLL)) {
        sleeper.sleep(POLL);
        taken = taken();
      }
    } catch (InterruptedException e) {
      // The task is cancelled; its next step ends it.
      Thread.currentThread().interrupt();
      return;
    }
    if (taken > 0) {
      LOG.warn(
          "Other processes keep {} GB of {}: no row waits for it again", gigabytes(taken), device);
      usual += taken;
    }
  }
}
