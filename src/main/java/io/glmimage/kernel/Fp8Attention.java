package io.glmimage.kernel;

import org.bytedeco.pytorch.Tensor;

/**
 * Attention of the tokens of one sequence as {@link SequenceAttention} computes it, of e4m3 numbers
 * and with an e4m3 result: {@code softmax(q kᵀ / (sqrt(d) f²)) v}, where f is {@link
 * QkNormRotary#factor}. The result has the scale of the values, since it is their weighted mean.
 * All scales are constants, so a result depends on its own sequence only.
 *
 * <p>H heads, Q queries, K keys, d head width.
 */
public interface Fp8Attention {
  /**
   * Whether {@link #apply} is the better choice for heads of this width. If not, queries, keys and
   * values should stay in the precision of the activations. The answer does not change while a
   * process lives.
   */
  boolean available(long headDim);

  /**
   * @param query {@code [Q, H, d]} contiguous, multiplied by f
   * @param key {@code [K, H, d]} contiguous, multiplied by f
   * @param value like {@code key}, multiplied by a factor of the caller's
   * @param out {@code [Q, H, d]} contiguous; overwritten with the result times the same factor
   */
  void apply(Tensor query, Tensor key, Tensor value, Tensor out);
}
