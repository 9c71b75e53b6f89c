package io.glmimage.kernel;

import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * {@link Fp8Attention} as attention of the same numbers in float32 on a CPU, and in bfloat16, which
 * holds every e4m3 number, on a GPU. Only the weights of the values are more precise than in
 * cuDNN's kernel.
 */
final class AtenFp8Attention implements Fp8Attention {
  private final SequenceAttention attention;

  /**
   * @param attention computes in float32 or bfloat16
   */
  AtenFp8Attention(SequenceAttention attention) {
    this.attention = attention;
  }

  @Override
  public boolean available(long headDim) {
    return true;
  }

  @Override
  public void apply(Tensor query, Tensor key, Tensor value, Tensor out) {
    if (Ops.isEmpty(query)) {
      return;
    }
    try (TensorScope scope = new TensorScope()) {
      ScalarType type = query.is_cuda() ? ScalarType.BFloat16 : ScalarType.Float;
      Scalar unscaled = new Scalar(1 / QkNormRotary.factor(query.size(2)));
      Tensor result =
          attention.apply(
              heads(query.to(type).mul_(unscaled)),
              heads(key.to(type).mul_(unscaled)),
              heads(value.to(type)));
      // [1, H, Q, d] -> [Q, H, d]
      out.copy_(e4m3(result.squeeze(0).transpose(0, 1)));
    }
  }

  /** To the nearest e4m3 number; numbers out of its range to the largest. */
  static Tensor e4m3(Tensor numbers) {
    return numbers
        .clamp(
            new ScalarOptional(new Scalar(-QuantizeRows.LARGEST)),
            new ScalarOptional(new Scalar(QuantizeRows.LARGEST)))
        .to(ScalarType.Float8_e4m3fn);
  }

  /** {@code [rows, H, d] -> [1, H, rows, d]}. */
  private static Tensor heads(Tensor rows) {
    return rows.unsqueeze(0).transpose(1, 2);
  }
}
