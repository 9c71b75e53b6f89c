package io.glmimage.pipeline;

/** Compares 8-bit images. */
final class Likeness {
  private Likeness() {}

  /** Peak signal-to-noise ratio of 8-bit values in dB; 100 if all are equal. */
  static double decibels(byte[] expected, byte[] actual) {
    if (expected.length != actual.length) {
      throw new IllegalArgumentException(
          "Cannot compare " + actual.length + " values with " + expected.length);
    }
    double squares = 0;
    for (int i = 0; i < expected.length; i++) {
      double d = (expected[i] & 255) - (actual[i] & 255);
      squares += d * d;
    }
    return Math.min(100, 10 * Math.log10(255 * 255 * (double) expected.length / squares));
  }
}
