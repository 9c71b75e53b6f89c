package io.glmimage.spark.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.kernel.KernelSelection;
import io.glmimage.output.KernelUse;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class KernelSelectionsTest {
  private static final KernelSelection FUSED =
      new KernelSelection("silu_mul", true, "bf16 on a GPU");
  private static final KernelSelection NATIVE =
      new KernelSelection("silu_mul", false, "no CUDA device");
  private static final KernelSelection OTHER =
      new KernelSelection("rms_norm", false, "no CUDA device");

  @Test
  void whatSeveralExecutorsSayIsMerged() {
    KernelSelections driver = new KernelSelections();
    KernelSelections one = new KernelSelections();
    one.add(List.of(FUSED));
    one.add(List.of(FUSED));
    KernelSelections two = new KernelSelections();
    two.add(List.of(NATIVE, OTHER));
    driver.merge(one);
    driver.merge(two);
    assertEquals(
        Map.of(
            "rms_norm", new KernelUse("native", "no CUDA device"),
            "silu_mul", new KernelUse("fused and native", "bf16 on a GPU; no CUDA device")),
        driver.byOperation());
  }

  @Test
  void aCopyCountsForItself() {
    KernelSelections first = new KernelSelections();
    first.add(List.of(FUSED));
    KernelSelections copy = first.copy();
    first.reset();
    assertTrue(first.isZero());
    assertEquals(1, copy.value().size());
  }
}
