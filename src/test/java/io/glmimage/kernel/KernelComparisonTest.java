package io.glmimage.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.tensor.Compute;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class KernelComparisonTest {
  private static KernelComparison compare(float[] ours, float[] expected) {
    return compare(KernelOperation.SILU_MUL, ours, expected);
  }

  private static KernelComparison compare(
      KernelOperation operation, float[] ours, float[] expected) {
    return KernelComparison.of(
            Map.of(operation, List.of(ours)),
            Map.of(operation, List.of(expected)),
            List.of(new KernelSelection(operation.toString(), true, "")))
        .get(0);
  }

  @Test
  void theErrorIsRelativeToTheLargestValue() {
    KernelComparison near = compare(new float[] {100, 0.5f}, new float[] {100, -0.5f});
    assertEquals(0.01, near.error(), 1e-9);
    assertTrue(near.ok());
    assertTrue(near.fused());
    assertFalse(compare(new float[] {100, 5}, new float[] {100, -5}).ok());
  }

  @Test
  void aResultThatIsNotFiniteFails() {
    assertFalse(compare(new float[] {Float.NaN}, new float[] {1}).ok());
    assertFalse(compare(new float[] {Float.POSITIVE_INFINITY}, new float[] {1}).ok());
  }

  @Test
  void resultsInE4m3AreComparedTogether() {
    float[] expected = new float[64];
    float[] rounded = new float[64];
    float[] wrong = new float[64];
    for (int i = 0; i < expected.length; i++) {
      expected[i] = 1 + i % 8 / 8f;
      // A neighbour in e4m3 here and there, as after another order of sums.
      rounded[i] = expected[i] + (i % 8 == 3 ? 0.125f : 0);
      wrong[i] = expected[(i + 1) % 64];
    }

    assertTrue(compare(KernelOperation.FP8_ATTENTION, rounded, expected).ok());
    assertFalse(compare(KernelOperation.FP8_ATTENTION, wrong, expected).ok());
    assertFalse(compare(KernelOperation.SILU_MUL, rounded, expected).ok());
    rounded[0] = Float.NaN;
    assertFalse(compare(KernelOperation.FP8_ATTENTION, rounded, expected).ok());
  }

  @Test
  void theSamplesOfOneSeedCallEveryOperationWithTheSameArguments() {
    Map<KernelOperation, List<float[]>> first =
        KernelSamples.results(new AtenKernels(), Compute.cpu(), 7, true);
    assertEquals(EnumSet.allOf(KernelOperation.class), first.keySet());
    Map<KernelOperation, List<float[]>> again =
        KernelSamples.results(new AtenKernels(), Compute.cpu(), 7, true);
    for (KernelComparison kernel : KernelComparison.of(first, again, List.of())) {
      assertEquals(0, kernel.error(), kernel.operation());
    }
    Set<KernelOperation> differ = EnumSet.noneOf(KernelOperation.class);
    Map<KernelOperation, List<float[]>> other =
        KernelSamples.results(new AtenKernels(), Compute.cpu(), 8, true);
    other.forEach(
        (operation, tensors) -> {
          if (compare(tensors.get(0), first.get(operation).get(0)).error() > 0) {
            differ.add(operation);
          }
        });
    assertEquals(EnumSet.allOf(KernelOperation.class), differ, "the arguments are random");
  }
}
