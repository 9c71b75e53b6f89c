package io.glmimage.golden;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import io.glmimage.tensor.Ops;
import org.bytedeco.pytorch.Tensor;

/**
 * {@code ||x - reference|| <= limit * ||reference||} over a whole tensor: for arithmetic that
 * rounds to fewer digits than the reference, where single values near zero may be far off. bfloat16
 * has 8 significant bits: one rounding changes a value by up to 2^-9 (0.002), on average by 0.001.
 * e4m3 has 4 bits: up to 2^-4. The errors of the layers add up. Every check reports the largest and
 * the relative error.
 *
 * @param arithmetic its name in the report
 * @param limit of the relative error
 */
public record NormTolerance(String arithmetic, double limit) {
  /** Compares a tensor of the case with a computed one. */
  public void check(GoldenCase golden, String tensor, Tensor actual) {
    check(golden.name(), tensor, golden.floats(tensor), Ops.toFloats(actual));
  }

  /** Compares values. {@code caseName} and {@code what} name them in the report. */
  public void check(String caseName, String what, float[] expected, float[] actual) {
    if (expected.length != actual.length) {
      fail(caseName + " " + what + ": " + actual.length + " values, expected " + expected.length);
    }
    double largest = 0;
    double errors = 0;
    double squares = 0;
    for (int i = 0; i < expected.length; i++) {
      double error = (double) actual[i] - expected[i];
      largest = Math.max(largest, Math.abs(error));
      errors += error * error;
      squares += (double) expected[i] * expected[i];
    }
    double relative = expected.length == 0 ? 0 : Math.sqrt(errors / squares);
    ParityReport.add(
        caseName,
        arithmetic + " " + what,
        String.format("%.1e rel %.1e", largest, relative),
        String.format("rel %.0e", limit));
    // Also fails for NaN.
    assertTrue(
        relative <= limit,
        () ->
            String.format(
                "%s %s: relative error %.3g, allowed %.3g", caseName, what, relative, limit));
  }

  /** Checks a lower bound, such as a share of ids or decibels. */
  public void atLeast(String caseName, String what, double least, double actual) {
    ParityReport.add(
        caseName,
        arithmetic + " " + what,
        "value",
        String.format("%.3f", actual),
        String.format("at least %.3g", least));
    assertTrue(
        actual >= least,
        () -> String.format("%s %s: %.4g, expected at least %.4g", caseName, what, actual, least));
  }
}
