package io.glmimage.kernel;

import org.bytedeco.pytorch.Tensor;

/**
 * Attention of one query token per slot over that slot's cache: {@code softmax(q kᵀ / sqrt(D)) v},
 * with the softmax in float32.
 *
 * <p>S slots, H query heads, G key/value heads (query head h reads key head h G / H), D head width,
 * C capacity. A slot reads only its own first {@code counts[s]} tokens, so its result does not
 * depend on the other slots.
 */
public interface DecodeAttention {

  /**
   * Bound by the {@code 2 G D sum(counts)} cache elements that it moves.
   *
   * @param qkv [S, (H + 2 G) D], contiguous; only the queries, the first H D of each row, are read
   * @param heads H
   * @param keys [S, C, G, D], contiguous
   * @param values like {@code keys}
   * @param counts [S] int32 on the device: tokens to read, including the new one, 1..C
   * @return [S, H D], new, contiguous
   */
  Tensor attend(Tensor qkv, int heads, Tensor keys, Tensor values, Tensor counts);
}
