package io.glmimage.kernel;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The distance of an operation on this GPU from libtorch's operations, on small random arguments.
 *
 * @param operation such as "ada_layer_norm"
 * @param fused whether a CUDA kernel of this program ran
 * @param error the largest difference, relative to the largest value; for results in e4m3 the
 *     difference of all values together, relative to their size
 * @param limit the largest error of a correct kernel
 */
public record KernelComparison(String operation, boolean fused, double error, double limit) {
  /** Two bfloat16 results may differ in their last bit, which is 2^-8, after several roundings. */
  static final double LARGEST_ERROR = 0.03;

  /**
   * Neighbours in e4m3 are up to an eighth apart. A correct result differs from float32 attention
   * by at most 0.037 of its size ({@link Fp8AttentionTrial}), and so does libtorch's.
   */
  static final double LARGEST_ERROR_E4M3 = 0.1;

  /** Whether the operation can be trusted. */
  public boolean ok() {
    return error <= limit;
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
          boolean e4m3 = operation == KernelOperation.FP8_ATTENTION;
          double error = 0;
          for (int i = 0; i < tensors.size(); i++) {
            error = Math.max(error, error(ours.get(operation).get(i), tensors.get(i), e4m3));
          }
          boolean fused =
              selections.stream()
                  .anyMatch(s -> s.fused() && s.operation().equals(operation.toString()));
          all.put(
              operation,
              new KernelComparison(
                  operation.toString(), fused, error, e4m3 ? LARGEST_ERROR_E4M3 : LARGEST_ERROR));
        });
    return List.copyOf(all.values());
  }

  /**
   * @param together compares all values together instead of the largest difference
   */
  private static double error(float[] ours, float[] expected, boolean together) {
    double largest = 0;
    double largestDifference = 0;
    double squares = 0;
    double squaresOfDifferences = 0;
    for (int i = 0; i < expected.length; i++) {
      if (!Float.isFinite(ours[i])) {
        return Double.POSITIVE_INFINITY;
      }
      double difference = Math.abs((double) ours[i] - expected[i]);
      largest = Math.max(largest, Math.abs(expected[i]));
      largestDifference = Math.max(largestDifference, difference);
      squares += (double) expected[i] * expected[i];
      squaresOfDifferences += difference * difference;
    }
    double size = together ? Math.sqrt(squares) : largest;
    double error = together ? Math.sqrt(squaresOfDifferences) : largestDifference;
    return size == 0 ? error : error / size;
  }
}
