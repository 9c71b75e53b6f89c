package io.glmimage.kernel;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The distance of an operation on this GPU from libtorch's operations, on small random arguments.
 *
 * @param operation such as "ada_layer_norm"
 * @param fused whether a CUDA kernel of this program ran
 * @param error the largest difference, relative to the largest value
 */
public record KernelComparison(String operation, boolean fused, double error) {
  /**
   * The largest error of a correct kernel. Two bfloat16 results may differ in their last bit, which
   * is 2^-8 of the value, after several roundings.
   */
  static final double LARGEST_ERROR = 0.03;

  /** Whether the operation can be trusted. */
  public boolean ok() {
    return error <= LARGEST_ERROR;
  }

  /**
   * Compares the results of {@link KernelSamples}; a result that is missing or not finite fails.
   */
  static List<KernelComparison> of(
      Map<KernelOperation, List<float[]>> ours,
      Map<KernelOperation, List<float[]>> expected,
      List<KernelSelection> selections) {
    Map<KernelOperation, KernelComparison> all = new TreeMap<>();
    expected.forEach(
        (operation, tensors) -> {
          double error = 0;
          for (int i = 0; i < tensors.size(); i++) {
            error = Math.max(error, error(ours.get(operation).get(i), tensors.get(i)));
          }
          boolean fused =
              selections.stream()
                  .anyMatch(s -> s.fused() && s.operation().equals(operation.toString()));
          all.put(operation, new KernelComparison(operation.toString(), fused, error));
        });
    return List.copyOf(all.values());
  }

  private static double error(float[] ours, float[] expected) {
    double largest = 0;
    double difference = 0;
    for (int i = 0; i < expected.length; i++) {
      if (!Float.isFinite(ours[i])) {
        return Double.POSITIVE_INFINITY;
      }
      largest = Math.max(largest, Math.abs(expected[i]));
      difference = Math.max(difference, Math.abs(ours[i] - expected[i]));
    }
    return largest == 0 ? difference : difference / largest;
  }
}
