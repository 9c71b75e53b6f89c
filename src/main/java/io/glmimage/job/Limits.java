package io.glmimage.job;

import io.glmimage.error.UsageException;

/** Ranges of options that belong to no package's record. */
final class Limits {
  private static final int MAX_ROWS = 1000;

  private Limits() {}

  static void rows(int rows) {
    if (rows < 1 || rows > MAX_ROWS) {
      throw new UsageException("Invalid --rows: " + rows + ", expected 1 to " + MAX_ROWS);
    }
  }
}
