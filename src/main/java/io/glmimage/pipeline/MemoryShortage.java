package io.glmimage.pipeline;

import io.glmimage.error.DeviceException;
import io.glmimage.error.DeviceMemoryException;
import io.glmimage.error.GlmImageException;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.DeviceFailure;
import io.glmimage.tensor.DeviceThread;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs work on the device and decides what happens when the device runs out of memory. The work is
 * repeated with all caches freed, then with fewer rows at a time. Finally the row fails alone.
 *
 * <p>libtorch sometimes survives a shortage by switching to another algorithm, which rounds
 * differently. Such work is repeated with freed caches too. The result therefore depends on the
 * work and on the size of the device, not on what the device did before.
 *
 * <p>Not thread-safe.
 */
final class MemoryShortage implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(MemoryShortage.class);

  private final Compute compute;
  private final Runnable freeCaches;

  /** Null on the CPU, where the calling thread does the work. */
  private final DeviceThread thread;

  /**
   * The policy for one device.
   *
   * @param freeCaches frees the memory that components keep between calls
   */
  MemoryShortage(Compute compute, Runnable freeCaches) {
    this.compute = compute;
    this.freeCaches = freeCaches;
    thread =
        compute.isCuda()
            ? new DeviceThread("glm-image-" + compute.device(), compute::makeCurrent)
            : null;
  }

  /** Runs work once, on the device's thread. */
  private <T> T once(Supplier<T> work) {
    try {
      return thread == null ? work.get() : thread.call(work);
    } catch (RuntimeException e) {
      // Memory may have run out before, and another algorithm may have been chosen.
      forgetAlgorithms();
      throw e;
    }
  }

  /**
   * Runs one row's work. If memory was short, runs it once more with all caches freed.
   *
   * @param row the request's id, for the log
   * @throws RuntimeException if the work fails, the second time in case of a shortage
   */
  <T> T retried(String row, Supplier<T> work) {
    try {
      long shortages = compute.shortages();
      T result = once(work);
      if (compute.shortages() == shortages) {
        return result;
      }
    } catch (RuntimeException e) {
      if (!DeviceFailure.isOutOfMemory(e)) {
        throw e;
      }
    }
    LOG.warn(
        "{} ran out of memory at row {}: trying again with freed caches", compute.device(), row);
    freeMemory();
    long shortages = compute.shortages();
    T result = once(work);
    if (compute.shortages() > shortages) {
      LOG.warn(
          "{} has too little memory for the fastest algorithms at row {}: using others, which round"
              + " differently",
          compute.device(),
          row);
      forgetAlgorithms();
    }
    return result;
  }

  /**
   * Runs work over several rows together. If that fails, runs each half on its own, down to single
   * rows: halves need less memory, and they show which row is at fault.
   *
   * @param id of a row, for the log
   * @param work values of the rows, in order
   * @throws DeviceException if the device is lost
   */
  <R, T> List<Outcome<T>> inHalves(
      List<R> rows, Function<R, String> id, Function<List<R>, List<T>> work) {
    if (rows.isEmpty()) {
      return List.of();
    }
    boolean alone = rows.size() == 1;
    try {
      List<T> values =
          alone
              ? retried(id.apply(rows.get(0)), () -> work.apply(rows))
              : once(() -> work.apply(rows));
      return values.stream().<Outcome<T>>map(Outcome.Done::new).toList();
    } catch (RuntimeException e) {
      checkDevice(e);
      if (alone) {
        return List.of(new Outcome.Failed<>(e));
      }
      if (DeviceFailure.isOutOfMemory(e)) {
        freeMemory();
      }
      int half = rows.size() / 2;
      List<Outcome<T>> outcomes = new ArrayList<>(inHalves(rows.subList(0, half), id, work));
      outcomes.addAll(inHalves(rows.subList(half, rows.size()), id, work));
      return outcomes;
    }
  }

  /**
   * The failure to report for one row.
   *
   * @param id the request's id
   * @throws DeviceException if the failure is the device's, so that no further row can be edited
   */
  RuntimeException rowFailure(String id, RuntimeException failure) {
    checkDevice(failure);
    if (failure instanceof DeviceException) {
      throw failure;
    }
    if (failure instanceof GlmImageException || !DeviceFailure.isOutOfMemory(failure)) {
      return failure;
    }
    return new DeviceMemoryException(
        "Cannot edit request "
            + id
            + ": not enough memory on "
            + compute.device()
            + " for an image of this size with its sources, even on its own; ask for a smaller size"
            + " or fewer sources, or use a device with more memory",
        failure);
  }

  private void checkDevice(RuntimeException failure) {
    if (DeviceFailure.isDeviceLost(failure)) {
      throw new DeviceException(
          "Cannot continue: "
              + compute.device()
              + " cannot be used by this process any more: "
              + failure.getMessage(),
          failure);
    }
  }

  /** Makes the next call choose its algorithms again; see {@link DeviceThread}. */
  private void forgetAlgorithms() {
    if (thread != null) {
      thread.replace();
    }
  }

  private void freeMemory() {
    forgetAlgorithms();
    freeCaches.run();
    compute.releaseCachedMemory();
  }

  /** Ends the device's thread. */
  @Override
  public void close() {
    if (thread != null) {
      thread.close();
    }
  }
}
