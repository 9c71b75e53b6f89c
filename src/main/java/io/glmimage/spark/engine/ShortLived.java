package io.glmimage.spark.engine;

import java.time.Duration;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/** A value that callers who ask at about the same time share, because it takes long to find. */
final class ShortLived<T> {
  private final Supplier<T> source;
  private final long nanos;
  private final LongSupplier nanoTime;

  // The fields below are guarded by this.
  private boolean found;
  private T value;
  private RuntimeException failure;
  private long since;

  /**
   * @param lifetime a value or a failure that is older is found again
   * @param nanoTime the clock, as {@link System#nanoTime}
   */
  ShortLived(Supplier<T> source, Duration lifetime, LongSupplier nanoTime) {
    this.source = source;
    this.nanos = lifetime.toNanos();
    this.nanoTime = nanoTime;
  }

  /** The value. Throws what the source throws. */
  synchronized T get() {
    if (!found || nanoTime.getAsLong() - since >= nanos) {
      find();
    }
    if (failure != null) {
      throw failure;
    }
    return value;
  }

  private void find() {
    value = null;
    failure = null;
    try {
      value = source.get();
    } catch (RuntimeException e) {
      failure = e;
    }
    found = true;
    // Those who waited for it do not find it again, however long it took.
    since = nanoTime.getAsLong();
  }
}
