package io.glmimage.golden;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.fail;

import io.glmimage.tensor.Ops;
import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;

/**
 * |x - reference| <= atol + rtol * |reference|, element by element. Every check reports its largest
 * error.
 */
public record Tolerance(double atol, double rtol) {

  /** Compares shape and values of a tensor of the case with what was computed. */
  public void check(GoldenCase golden, String tensor, Tensor actual) {
    assertArrayEquals(
        golden.shape(tensor), Ops.shape(actual), () -> golden.name() + " " + tensor + ": shape");
    check(golden.name(), tensor, golden.floats(tensor), Ops.toFloats(actual));
  }

  /** Compares values; {@code caseName} and {@code what} name them in the report. */
  public void check(String caseName, String what, float[] expected, float[] actual) {
    if (expected.length != actual.length) {
      fail(caseName + " " + what + ": " + actual.length + " values, expected " + expected.length);
    }
    double largest = 0;
    int worst = -1;
    double worstExcess = 0;
    for (int i = 0; i < expected.length; i++) {
      double error = Math.abs((double) actual[i] - expected[i]);
      if (Float.isNaN(actual[i]) != Float.isNaN(expected[i])) {
        error = Double.POSITIVE_INFINITY;
      }
      largest = Math.max(largest, error);
      double excess = error - (atol + rtol * Math.abs(expected[i]));
      if (excess > worstExcess) {
        worstExcess = excess;
        worst = i;
      }
    }
    ParityReport.add(
        caseName,
        what,
        String.format("%.2e", largest),
        String.format("%.0e + %.0e |x|", atol, rtol));
    if (worst >= 0) {
      fail(
          String.format(
              "%s %s: value %d is %.7g, expected %.7g; largest error %.3g, allowed %.3g + %.3g |x|",
              caseName, what, worst, actual[worst], expected[worst], largest, atol, rtol));
    }
  }

  /** Ids, grids and positions must be exact. */
  public static void exact(String caseName, String what, long[] expected, long[] actual) {
    int differ = expected.length == actual.length ? 0 : Math.max(expected.length, actual.length);
    for (int i = 0; i < Math.min(expected.length, actual.length); i++) {
      differ += expected[i] == actual[i] ? 0 : 1;
    }
    ParityReport.add(caseName, what, differ + " of " + expected.length + " differ", "exact");
    assertArrayEquals(
        expected, actual, () -> caseName + " " + what + ": " + Arrays.toString(actual));
  }

  /** 8-bit pictures: one level on under 1 % of the values. */
  public static void pixels(String caseName, String what, byte[] expected, byte[] actual) {
    if (expected.length != actual.length) {
      fail(caseName + " " + what + ": " + actual.length + " values, expected " + expected.length);
    }
    int largest = 0;
    int differ = 0;
    for (int i = 0; i < expected.length; i++) {
      int error = Math.abs((expected[i] & 255) - (actual[i] & 255));
      largest = Math.max(largest, error);
      differ += error == 0 ? 0 : 1;
    }
    ParityReport.add(
        caseName,
        what,
        largest + " level(s) on " + differ + " of " + expected.length,
        "1 level on < 1 %");
    if (largest > 1 || differ * 100L >= expected.length) {
      fail(
          caseName
              + " "
              + what
              + ": "
              + differ
              + " of "
              + expected.length
              + " values differ, by up to "
              + largest);
    }
  }
}
