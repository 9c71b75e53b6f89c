package io.glmimage.golden;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.opentest4j.AssertionFailedError;

class ToleranceTest {
  private static void check(Tolerance tolerance, float[] expected, float[] actual) {
    tolerance.check("ToleranceTest", "values", expected, actual);
  }

  private static void refused(Tolerance tolerance, float[] expected, float[] actual) {
    assertThrows(AssertionFailedError.class, () -> check(tolerance, expected, actual));
  }

  @Test
  void aScaledToleranceGrowsWithTheLargestValue() {
    float[] expected = {100, 0};
    float[] near = {100, 9e-4f};
    float[] far = {100, 1.1e-3f};
    assertDoesNotThrow(() -> check(Tolerance.scaled(1e-5, 0), expected, near));
    refused(Tolerance.scaled(1e-5, 0), expected, far);
    refused(new Tolerance(1e-5, 0), expected, near);
  }

  @Test
  void aScaledToleranceIsTheGivenOneForSmallValues() {
    float[] expected = {0.01f, 0};
    assertDoesNotThrow(
        () -> check(Tolerance.scaled(1e-5, 0), expected, new float[] {0.01f, 9e-6f}));
    refused(Tolerance.scaled(1e-5, 0), expected, new float[] {0.01f, 1.1e-5f});
  }

  @Test
  void theRelativePartIsThatOfTheElement() {
    float[] expected = {100, 1};
    assertDoesNotThrow(() -> check(new Tolerance(0, 1e-3), expected, new float[] {100.09f, 1}));
    refused(new Tolerance(0, 1e-3), expected, new float[] {100, 1.01f});
  }

  @Test
  void anythingButANumberIsRefused() {
    refused(Tolerance.scaled(1, 1), new float[] {1}, new float[] {Float.NaN});
    refused(Tolerance.scaled(1, 1), new float[] {1}, new float[] {Float.POSITIVE_INFINITY});
    refused(Tolerance.scaled(1, 1), new float[] {Float.NaN}, new float[] {1});
  }

  @Test
  void anotherNumberOfValuesIsRefused() {
    refused(Tolerance.scaled(1, 1), new float[] {1}, new float[] {1, 1});
  }
}
