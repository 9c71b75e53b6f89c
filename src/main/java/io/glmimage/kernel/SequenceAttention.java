package io.glmimage.kernel;

import org.bytedeco.pytorch.Tensor;

/**
 * Attention of the tokens of one sequence over all of its own and its cached tokens: {@code
 * softmax(q kᵀ / sqrt(d)) v}.
 *
 * <p>H heads, Q queries, K keys, d head width. Takes {@code 4 H Q K d} floating-point operations.
 */
@FunctionalInterface
public interface SequenceAttention {
  /**
   * @param query {@code [1, H, Q, d]}, any strides
   * @param key {@code [1, H, K, d]}, any strides
   * @param value like {@code key}
   * @return {@code [1, H, Q, d]}, of the caller's scope
   */
  Tensor apply(Tensor query, Tensor key, Tensor value);
}
