package io.glmimage.model.prior;

import io.glmimage.tensor.Compute;
import java.util.function.LongSupplier;

/**
 * How many rows are decoded at a time. Each shortage of memory halves the number. When other
 * programs have given back memory since the last shortage, it is the full number again. Not
 * thread-safe.
 */
final class RowLimit {
  private final LongSupplier outside;
  private int most;
  private int rows;

  /** Bytes outside this process's allocator at the last shortage. */
  private long outsideAtShortage;

  /**
   * @param most the full number
   * @param outside as {@link Compute#memoryOutside}
   */
  RowLimit(int most, LongSupplier outside) {
    this.most = most;
    this.rows = most;
    this.outside = outside;
  }

  int rows() {
    return rows;
  }

  /** Lowers the full number. */
  void limit(int other) {
    most = Math.min(most, other);
    rows = Math.min(rows, most);
  }

  /** Halves the number after a shortage. Returns false, and changes nothing, if it is one. */
  boolean halve() {
    if (rows == 1) {
      return false;
    }
    rows /= 2;
    outsideAtShortage = outside.getAsLong();
    return true;
  }

  /** Restores the full number if others have given back memory. Returns whether it has grown. */
  boolean restore() {
    if (rows == most || outside.getAsLong() > outsideAtShortage - Compute.OUTSIDE_CHANGE) {
      return false;
    }
    rows = most;
    return true;
  }
}
