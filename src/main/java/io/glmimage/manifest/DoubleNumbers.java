package io.glmimage.manifest;

import java.math.BigDecimal;
import java.math.MathContext;

/** Numbers as they are written, and the doubles that Spark reads them as. */
final class DoubleNumbers {
  /** Numbers of so many characters have at most 15 digits, which every double keeps. */
  private static final int SHORT = 15;

  private DoubleNumbers() {}

  /**
   * Whether a double keeps a number: it is printed as the same number, or it has the same digits as
   * far as they are written. 0.1 is kept; 9007199254740993, 1e400 and 1e-400 are not.
   *
   * @param number as JSON writes it
   */
  static boolean keep(String number) {
    if (number.length() <= SHORT && number.indexOf('e') < 0 && number.indexOf('E') < 0) {
      return true;
    }
    BigDecimal written;
    try {
      written = new BigDecimal(number);
    } catch (NumberFormatException e) {
      // Exponents of more than ten digits.
      return false;
    }
    double value = Double.parseDouble(number);
    if (value == 0 || !Double.isFinite(value)) {
      return value == 0 && written.signum() == 0;
    }
    return new BigDecimal(Double.toString(value)).compareTo(written) == 0
        || new BigDecimal(value).round(new MathContext(written.precision())).compareTo(written)
            == 0;
  }
}
