package io.glmimage.manifest;

import java.math.BigDecimal;

/** Whole numbers as messages ask for them. */
final class WholeNumbers {
  private WholeNumbers() {}

  /** What is expected in place of a number that is not a {@code long}. */
  static String expected(Number number) {
    boolean whole =
        number instanceof BigDecimal decimal && decimal.stripTrailingZeros().scale() <= 0;
    return whole
        ? "a whole number from " + Long.MIN_VALUE + " to " + Long.MAX_VALUE
        : "a whole number";
  }
}
