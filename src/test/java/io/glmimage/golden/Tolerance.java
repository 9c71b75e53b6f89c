package io.glmimage.golden;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.fail;

import io.glmimage.tensor.Ops;
import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;

/**
 * {@code |x - reference| <= atol * scale + rtol * |reference|}, element by element. Every check
 * reports its largest error.
 *
 * @param atol absolute part
 * @param rtol part relative to the element
 * @param scaled whether {@code atol} grows with the tensor, see {@link #scaled}
 */
public record Tolerance(double atol, double rtol, boolean scaled) {
  /** A tolerance whose absolute part is the same for every tensor: for tables and schedules. */
  public Tolerance(double atol, double rtol) {
    this(atol, rtol, false);
  }

  /**
   * A tolerance for the outputs of a network. Its {@code atol} is meant for values of order 1 and
   * is multiplied by the tensor's largest value if that is above 1. An element of a hidden state is
   * a sum of terms as large as the largest element. Its rounding error is relative to these terms,
   * so a small element next to large ones has an error that neither {@code atol} nor {@code rtol}
   * alone allows for. Seen with a random checkpoint: 6.5e-5 off in a tensor with far larger values.
   */
  public static Tolerance scaled(double atol, double rtol) {
    return new Tolerance(atol, rtol, true);
  }

  /** Compares shape and values of a tensor of the case with a computed one. */
  public void check(GoldenCase golden, String tensor, Tensor actual) {
    assertArrayEquals(
        golden.shape(tensor), Ops.shape(actual), () -> golden.name() + " " + tensor + ": shape");
    check(golden.name(), tensor, golden.floats(tensor), Ops.toFloats(actual));
  }

  /** Compares values. {@code caseName} and {@code what} name them in the report. */
  public void check(String caseName, String what, float[] expected, float[] actual) {
    if (expected.length != actual.length) {
      fail(caseName + " " + what + ": " + actual.length + " values, expected " + expected.length);
    }
    double absolute = atol * (scaled ? scale(expected) : 1);
    double largest = 0;
    int worst = -1;
    double worstExcess = 0;
    for (int i = 0; i < expected.length; i++) {
      double error = error(expected[i], actual[i]);
      largest = Math.max(largest, error);
      double allowed = absolute + rtol * Math.abs(expected[i]);
      // An infinite error is never allowed, not even if the reference is NaN or infinite.
      double excess = Double.isInfinite(error) ? error : error - allowed;
      if (excess > worstExcess) {
        worstExcess = excess;
        worst = i;
      }
    }
    ParityReport.add(
        caseName,
        what,
        String.format("%.2e", largest),
        String.format("%.0e + %.0e |x|", absolute, rtol));
    if (worst >= 0) {
      fail(
          String.format(
              "%s %s: value %d is %.7g, expected %.7g; largest error %.3g, allowed %.3g + %.3g |x|",
              caseName, what, worst, actual[worst], expected[worst], largest, absolute, rtol));
    }
  }

  /** The absolute difference; infinite if only one of the values is NaN. */
  private static double error(float expected, float actual) {
    if (Float.compare(expected, actual) == 0) {
      return 0;
    }
    double error = Math.abs((double) actual - expected);
    return Double.isNaN(error) ? Double.POSITIVE_INFINITY : error;
  }

  /** The largest magnitude, at least 1. */
  private static double scale(float[] values) {
    double largest = 1;
    for (float value : values) {
      if (Float.isFinite(value)) {
        largest = Math.max(largest, Math.abs(value));
      }
    }
    return largest;
  }

  /** Compares ids, grids or positions, which must be exact. */
  public static void exact(String caseName, String what, long[] expected, long[] actual) {
    int differ = expected.length == actual.length ? 0 : Math.max(expected.length, actual.length);
    for (int i = 0; i < Math.min(expected.length, actual.length); i++) {
      differ += expected[i] == actual[i] ? 0 : 1;
    }
    ParityReport.add(caseName, what, differ + " of " + expected.length + " differ", "exact");
    assertArrayEquals(
        expected, actual, () -> caseName + " " + what + ": " + Arrays.toString(actual));
  }

  /** Compares 8-bit images: at most one level off, on less than 1 % of the values. */
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
