package io.glmimage.kernel;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A linear layer whose operands are e4m3: {@code out[t, n] = rowScale[t] * weightScale[n] * sum_k
 * x[t, k] w[n, k] + bias[n]}. The sum is of exact products, in float32 (a GPU's matrix unit keeps
 * fewer bits of it).
 *
 * <p>T rows, K inputs, N outputs. Reads {@code T K + N K} bytes. Empty rows give an empty {@code
 * [T, N]} and launch nothing.
 */
@FunctionalInterface
public interface Fp8Linear {
  /**
   * @param x {@code [T, K]} quantized
   * @param weight {@code [N, K]} quantized, a row an output channel
   * @param bias {@code [N]} of the dtype {@code type}, or null
   * @param type of the result
   * @return {@code [T, N]}, of the caller's scope
   */
  Tensor apply(Rows x, Rows weight, Tensor bias, ScalarType type);
}
