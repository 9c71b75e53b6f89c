package io.glmimage.pipeline;

import io.glmimage.error.DeviceException;
import io.glmimage.error.DeviceMemoryException;
import io.glmimage.error.GlmImageException;
import io.glmimage.error.LostDeviceException;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.DeviceFailure;
import io.glmimage.tensor.DeviceThread;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs work on the device and decides what happens when the device runs out of memory. The work is
 * repeated with all caches freed, then with fewer rows at a time. A single row also waits for
 * memory that other programs have taken. Finally it fails alone.
 *
 * <p>libtorch sometimes survives a shortage by switching to another algorithm, which rounds
 * differently. Such work is repeated with freed caches too. The result therefore depends on the
 * work and on the size of the device, not on what the device did before.
 *
 * <p>After any other failure the device is asked whether it still answers. If it does not, it is
 * lost: no work is given to it any more, and its memory is not freed.
 *
 * <p>Not thread-safe.
 */
final class MemoryShortage implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(MemoryShortage.class);

  private final Compute compute;
  private final Runnable freeCaches;
  private final BooleanSupplier usable;
  private final OtherProcesses others;

  /** Null on the CPU, where the calling thread does the work. */
  private final DeviceThread thread;

  /** Why the device is lost; null if it is not. */
  private LostDeviceException lost;

  /**
   * The policy for one device.
   *
   * @param memoryLimit bytes of the device that this process may use; 0 for no limit
   * @param freeCaches frees the memory that components keep between calls
   * @param silence the time without progress after which the device is lost
   */
  MemoryShortage(Compute compute, long memoryLimit, Runnable freeCaches, Duration silence) {
    this(
        compute,
        freeCaches,
        compute.isCuda()
            ? new DeviceThread("glm-image-" + compute.device(), compute::makeCurrent, silence)
            : null,
        compute::isUsable,
        OtherProcesses.on(compute, memoryLimit));
  }

  /**
   * @param thread does the work; null for the calling thread
   * @param usable whether the device answers, asked on that thread
   */
  MemoryShortage(
      Compute compute,
      Runnable freeCaches,
      DeviceThread thread,
      BooleanSupplier usable,
      OtherProcesses others) {
    this.compute = compute;
    this.freeCaches = freeCaches;
    this.thread = thread;
    this.usable = usable;
    this.others = others;
  }

  /**
   * Begins a batch: makes the device the calling thread's current one.
   *
   * @throws LostDeviceException if the device is lost
   */
  void makeCurrent() {
    if (lost != null) {
      throw lost;
    }
    try {
      compute.makeCurrent();
      others.observe();
    } catch (RuntimeException e) {
      checkDevice("the start of a batch", e);
      throw e;
    }
  }

  /** Whether the device is lost, so that nothing on it can be freed. */
  boolean isLost() {
    return lost != null;
  }

  /**
   * Runs work once, on the device's thread.
   *
   * @param where the rows in work, for the message
   * @throws LostDeviceException if the device is lost, now or before
   */
  private <T> T once(String where, Supplier<T> work) {
    if (lost != null) {
      throw lost;
    }
    try {
      return onThread(work);
    } catch (RuntimeException e) {
      checkDevice(where, e);
      // Memory may have run out before, and another algorithm may have been chosen.
      forgetAlgorithms();
      throw e;
    }
  }

  private <T> T onThread(Supplier<T> work) {
    return thread == null ? work.get() : thread.call(work);
  }

  /**
   * Runs one row's work. If memory was short, runs it once more with all caches freed, and after
   * other programs have given back what they have taken.
   *
   * @param row the request's id, for the log
   * @param wanted whether the row still is; asked while it waits
   * @throws CancellationException if it is not
   * @throws LostDeviceException if the device is lost
   * @throws RuntimeException if the work fails, the second time in case of a shortage
   */
  <T> T retried(String row, BooleanSupplier wanted, Supplier<T> work) {
    try {
      long shortages = compute.shortages();
      T result = once("row " + row, work);
      if (compute.shortages() == shortages) {
        return result;
      }
    } catch (RuntimeException e) {
      if (e instanceof LostDeviceException || !DeviceFailure.isOutOfMemory(e)) {
        throw e;
      }
    }
    LOG.warn(
        "{} ran out of memory at row {}: trying again with freed caches", compute.device(), row);
    freeMemory();
    if (!others.awaitRelease(row, wanted)) {
      throw new CancellationException("Row " + row + " is no longer wanted");
    }
    long shortages = compute.shortages();
    T result = once("row " + row, work);
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
   * @param wanted whether any row still is; asked while one waits
   * @param work values of the rows, in order
   * @throws LostDeviceException if the device is lost
   */
  <R, T> List<Outcome<T>> inHalves(
      List<R> rows,
      Function<R, String> id,
      BooleanSupplier wanted,
      Function<List<R>, List<T>> work) {
    if (rows.isEmpty()) {
      return List.of();
    }
    boolean alone = rows.size() == 1;
    try {
      List<T> values =
          alone
              ? retried(id.apply(rows.get(0)), wanted, () -> work.apply(rows))
              : once(names(rows, id), () -> work.apply(rows));
      return values.stream().<Outcome<T>>map(Outcome.Done::new).toList();
    } catch (LostDeviceException e) {
      throw e;
    } catch (RuntimeException e) {
      if (alone) {
        return List.of(new Outcome.Failed<>(e));
      }
      if (DeviceFailure.isOutOfMemory(e)) {
        freeMemory();
      }
      int half = rows.size() / 2;
      List<Outcome<T>> outcomes =
          new ArrayList<>(inHalves(rows.subList(0, half), id, wanted, work));
      outcomes.addAll(inHalves(rows.subList(half, rows.size()), id, wanted, work));
      return outcomes;
    }
  }

  /**
   * The failure to report for one row.
   *
   * @param id the request's id
   * @throws DeviceException if the failure is the device's, so that no further row can be edited
   * @throws LostDeviceException likewise
   */
  RuntimeException rowFailure(String id, RuntimeException failure) {
    if (failure instanceof DeviceException || failure instanceof LostDeviceException) {
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

  private static <R> String names(List<R> rows, Function<R, String> id) {
    return "one of the rows " + rows.stream().map(id).toList();
  }

  /**
   * Finds out whether a failure is that of the device.
   *
   * @param where the rows in work, for the message
   * @throws LostDeviceException if it is
   */
  private void checkDevice(String where, RuntimeException failure) {
    boolean silent = failure instanceof LostDeviceException;
    if (!silent && answers()) {
      return;
    }
    String why = String.valueOf(failure.getMessage()).lines().findFirst().orElse("");
    lost =
        new LostDeviceException(
            "Cannot continue: "
                + compute.device()
                + " was lost at "
                + where
                + ", and this process cannot use it any more: "
                + why,
            // Users are shown the innermost exception of this program.
            silent ? null : failure);
    throw lost;
  }

  private boolean answers() {
    try {
      return onThread(usable::getAsBoolean);
    } catch (RuntimeException e) {
      LOG.warn("{} does not answer: {}", compute.device(), e.getMessage());
      return false;
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

  /** Ends the device's thread, unless it hangs. */
  @Override
  public void close() {
    if (thread != null) {
      thread.close();
    }
  }
}
