package io.glmimage.pipeline;

import static io.glmimage.pipeline.MemoryPlan.gigabytes;

import io.glmimage.tensor.Compute;
import java.time.Duration;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The memory of a GPU that other programs have taken since this process began to use it. They may
 * give it back soon, so a row that finds too little memory waits for them before it is tried again.
 *
 * <p>Memory that stays taken is waited for once. Not thread-safe.
 */
final class OtherProcesses {
  private static final Duration LONGEST_WAIT = Duration.ofMinutes(1);
  private static final Duration POLL = Duration.ofMillis(250);
  private static final Logger LOG = LoggerFactory.getLogger(OtherProcesses.class);

  /** Waits for a time. */
  @FunctionalInterface
  interface Sleeper {
    void sleep(Duration time) throws InterruptedException;
  }

  private final String device;
  private final LongSupplier outside;
  private final BooleanSupplier limitDecides;
  private final Sleeper sleeper;

  /** Bytes outside this process's allocator that are not waited for. */
  private long usual;

  /**
   * @param outside as {@link Compute#memoryOutside}
   * @param limitDecides as {@link Compute#limitDecides}
   */
  OtherProcesses(
      String device, LongSupplier outside, BooleanSupplier limitDecides, Sleeper sleeper) {
    this.device = device;
    this.outside = outside;
    this.limitDecides = limitDecides;
    this.sleeper = sleeper;
    this.usual = outside.getAsLong();
  }

  /**
   * The other programs on a GPU; none on the CPU.
   *
   * @param memoryLimit bytes that this process may use; 0 for no limit
   */
  static OtherProcesses on(Compute compute, long memoryLimit) {
    return new OtherProcesses(
        compute.device(),
        compute::memoryOutside,
        () -> compute.limitDecides(memoryLimit),
        time -> Thread.sleep(time.toMillis()));
  }

  /** Notices at the start of a batch what others have given back since the last one. */
  void observe() {
    usual = Math.min(usual, outside.getAsLong());
  }

  /** Bytes that others have taken; 0 if there may be none. */
  private long taken() {
    long more = outside.getAsLong() - usual;
    return more > Compute.OUTSIDE_CHANGE ? more : 0;
  }

  /**
   * Waits until others have given back what they have taken, at most a minute. Does not wait if
   * this process's own limit is what leaves no memory.
   *
   * @param row the request's id, for the log
   * @param wanted whether the row still is
   * @return whether the row is still wanted
   */
  boolean awaitRelease(String row, BooleanSupplier wanted) {
    long taken = taken();
    if (taken == 0 || limitDecides.getAsBoolean()) {
      return true;
    }
    LOG.warn(
        "Other programs, or Spark RAPIDS in this process, have taken {} GB of {}: row {} waits up to"
            + " {} s for it",
        gigabytes(taken),
        device,
        row,
        LONGEST_WAIT.toSeconds());
    try {
      for (Duration waited = Duration.ZERO;
          taken > 0 && waited.compareTo(LONGEST_WAIT) < 0;
          waited = waited.plus(POLL)) {
        if (!wanted.getAsBoolean()) {
          return false;
        }
        sleeper.sleep(POLL);
        taken = taken();
      }
    } catch (InterruptedException e) {
      // The owner of the thread decides whether the row is tried again.
      Thread.currentThread().interrupt();
      return true;
    }
    if (taken > 0) {
      LOG.warn("{} GB of {} stay taken: no row waits for them again", gigabytes(taken), device);
      usual += taken;
    }
    return true;
  }
}
