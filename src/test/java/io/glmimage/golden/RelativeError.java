package io.glmimage.golden;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Locale;

/**
 * {@code |x - reference| / |reference|} of whole tensors, in the Euclidean norm: for arithmetic
 * that is not meant to be exact. Every check reports what it saw.
 */
public final class RelativeError {
  private RelativeError() {}

  /** Fails above {@code most}. */
  public static void check(
      String caseName, String what, float[] expected, float[] actual, double most) {
    assertEquals(expected.length, actual.length, () -> caseName + " " + what + ": values");
    double error = of(expected, actual);
    ParityReport.add(
        caseName,
        what,
        String.format(Locale.ROOT, "%.2f %%", 100 * error),
        String.format(Locale.ROOT, "%.0f %% of the norm", 100 * most));
    assertTrue(error <= most, () -> caseName + " " + what + ": relative error " + error);
  }

  public static double of(float[] expected, float[] actual) {
    double difference = 0;
    double size = 0;
    for (int i = 0; i < expected.length; i++) {
      difference += Math.pow((double) actual[i] - expected[i], 2);
      size += Math.pow(expected[i], 2);
    }
    return Math.sqrt(difference / size);
  }
}
