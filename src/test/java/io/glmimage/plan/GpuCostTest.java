package io.glmimage.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.UsageException;
import org.junit.jupiter.api.Test;

class GpuCostTest {
  private static final double MEASURED = 1.048576 * 50 * 2;

  @Test
  void aRowOfTheMeasuredSizeCostsWhatWasMeasured() {
    assertEquals(11.17, GpuCost.of("h100.bf16").seconds(MEASURED), 1e-9);
    assertEquals(7.98, GpuCost.of("H100.fp8").seconds(MEASURED), 1e-9);
    assertTrue(GpuCost.of("h100.bf16").isMeasured(MEASURED));
  }

  @Test
  void otherStepsAreScaledCloseToAnotherMeasurement() {
    double tenSteps = 1.048576 * 10 * 2;
    assertFalse(GpuCost.of("h100.bf16").isMeasured(tenSteps));
    // benchmarks.md: 3.05 s with 10 steps.
    assertEquals(3.05, GpuCost.of("h100.bf16").seconds(tenSteps), 0.06);
  }

  @Test
  void otherCardsAreRefusedWithAdvice() {
    UsageException refused = assertThrows(UsageException.class, () -> GpuCost.of("tpu"));
    assertEquals(
        "Invalid --gpu: tpu, expected one of h100.bf16, h100.fp8; for others give"
            + " --seconds-per-image or --seconds-per-megapixel-step",
        refused.getMessage());
  }
}
