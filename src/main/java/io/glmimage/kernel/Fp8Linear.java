package io.glmimage.kernel;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A linear layer with e4m3 operands: {@code out[t, n] = rowScale[t] * weightScale[n] * sum_k x[t,
 * k] w[n, k] + bias[n]}. Products are exact and summed in float32. A GPU's matrix unit keeps fewer
 * bits of the sum.
 *
 * <p>T rows, K inputs, N outputs. Reads {@code T K + N K} bytes. Empty rows give an empty {@code
 * [T, N]} and launch nothing.
 */
@FunctionalInterface
public interface Fp8Linear {
  /**
   * @param x {@code [T, K]} quantized
   * @param weight {@code [N, K]} quantized, one row per output channel
   * @param bias {@code [N]} in the dtype {@code type}, or null
   * @param type of the result
   * @return {@code [T, N]}, of the caller's scope
   */
  Tensor apply(Rows x, Rows weight, Tensor bias, ScalarType type);
}
