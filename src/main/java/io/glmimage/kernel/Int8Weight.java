package io.glmimage.kernel;

import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * The weights of a linear layer as 8-bit integers: {@code weight[n, k] = scales[n, 0] values[n,
 * k]}. The largest weight of an output channel becomes 127 or -127. A product converts the integers
 * into a buffer in the dtype of its input, where they are exact, and scales its result. Therefore
 * any device can run it. Reads {@code N K} bytes, then writes and reads the buffer.
 *
 * <p>T rows, K inputs, N outputs.
 *
 * @param values {@code [N, K]} int8
 * @param scales {@code [N, 1]} float32
 */
record Int8Weight(Tensor values, Tensor scales) {
  private static final double LARGEST = 127;

  /** Stands for the largest weight of a channel of zeros, so that no scale is zero. */
  private static final double SMALLEST = 1e-30;

  /** Rounds weights {@code [N, K]} to the nearest integers; of the caller's scope. */
  static Int8Weight quantize(Tensor weight) {
    try (TensorScope scope = new TensorScope()) {
      if (weight.is_meta()) {
        // Only sizes are of interest.
        Tensor column = weight.narrow(1, 0, 1).to(ScalarType.Float);
        return new Int8Weight(scope.keep(weight.to(ScalarType.Char)), scope.keep(column.clone()));
      }
      Tensor numbers = weight.to(ScalarType.Float); // [N, K]
      Tensor largest =
          numbers
              .abs()
              .amax(new long[] {1}, /* keepdim= */ true)
              .clamp_min_(new Scalar(SMALLEST)); // [N, 1]
      Tensor scales = largest.div(new Scalar(LARGEST));
      Tensor values = numbers.div(scales).round_().to(ScalarType.Char);
      return new Int8Weight(scope.keep(values), scope.keep(scales));
    }
  }

  /**
   * {@code x weightᵀ + bias}, {@code [T, K] -> [T, N]} in the dtype of x, of the caller's scope.
   *
   * @param bias {@code [N]}, or null
   */
  Tensor product(Tensor x, Tensor bias) {
    try (TensorScope scope = new TensorScope()) {
      ScalarType type = Ops.dtype(x);
      Tensor scaled = Ops.linear(x, values.to(type), null).mul(scales.t()); // [T, N] float32
      return scope.keep((bias == null ? scaled : scaled.add_(bias)).to(type));
    }
  }
}
