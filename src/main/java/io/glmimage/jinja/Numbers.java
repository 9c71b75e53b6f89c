package io.glmimage.jinja;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;

/** Whole numbers, which are {@link Long}, and floating-point numbers, which are {@link Double}. */
final class Numbers {
  private Numbers() {}

  static boolean isNumber(Object value) {
    return value instanceof Long || value instanceof Double || value instanceof Boolean;
  }

  /** Whether a value counts as a whole number: booleans do, as in Python. */
  static boolean isWhole(Object value) {
    return value instanceof Long || value instanceof Boolean;
  }

  static long whole(Object value) {
    return value instanceof Boolean truth ? (truth ? 1 : 0) : (Long) value;
  }

  static double real(Object value) {
    return value instanceof Double number ? number : whole(value);
  }

  /** A value that is used as an index or a count. */
  static long index(Object value) {
    if (!isWhole(value)) {
      throw new JinjaException(
          Values.failing(value, "expected a whole number, found " + Values.type(value)));
    }
    return whole(value);
  }

  /**
   * An index or a count that fits an int; larger ones are limited, which no text or list notices.
   */
  static int count(Object value) {
    return (int) Math.max(Integer.MIN_VALUE, Math.min(Integer.MAX_VALUE, index(value)));
  }

  /** A number as Python prints it: with as few digits as tell it from its neighbours. */
  static String text(double value) {
    if (Double.isNaN(value)) {
      return "nan";
    }
    if (Double.isInfinite(value)) {
      return value > 0 ? "inf" : "-inf";
    }
    if (value == 0) {
      return 1 / value < 0 ? "-0.0" : "0.0";
    }
    BigDecimal exact = new BigDecimal(value);
    BigDecimal shortest = exact;
    for (int digits = 1; digits <= 17; digits++) {
      shortest = exact.round(new MathContext(digits, RoundingMode.HALF_EVEN));
      if (shortest.doubleValue() == value) {
        break;
      }
    }
    shortest = shortest.stripTrailingZeros();
    int exponent = shortest.precision() - shortest.scale() - 1;
    if (exponent >= -4 && exponent < 16) {
      String plain = shortest.toPlainString();
      return plain.indexOf('.') < 0 ? plain + ".0" : plain;
    }
    String digits = shortest.unscaledValue().abs().toString();
    String mantissa = digits.length() == 1 ? digits : digits.charAt(0) + "." + digits.substring(1);
    String size = (Math.abs(exponent) < 10 ? "0" : "") + Math.abs(exponent);
    return (value < 0 ? "-" : "") + mantissa + "e" + (exponent < 0 ? "-" : "+") + size;
  }

  /** A whole number from its literal, with a prefix for another base than ten. */
  static long literal(String digits, int line) {
    try {
      if (digits.length() > 2 && digits.charAt(0) == '0' && Character.isLetter(digits.charAt(1))) {
        int base =
            switch (Character.toLowerCase(digits.charAt(1))) {
              case 'b' -> 2;
              case 'o' -> 8;
              default -> 16;
            };
        return Long.parseLong(digits.substring(2), base);
      }
      return Long.parseLong(digits);
    } catch (NumberFormatException e) {
      throw new JinjaException("the number " + digits + " is too large", line);
    }
  }

  /**
   * Rounds to a number of decimals, halves to the even neighbour; the exact binary value counts.
   */
  static double round(double value, int decimals) {
    if (Double.isNaN(value) || Double.isInfinite(value) || decimals > 400) {
      return value;
    }
    if (decimals < -400) {
      return 0;
    }
    double rounded = new BigDecimal(value).setScale(decimals, RoundingMode.HALF_EVEN).doubleValue();
    return Math.copySign(rounded, value);
  }
}
