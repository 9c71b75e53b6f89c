package io.glmimage.kernel;

import org.bytedeco.pytorch.Tensor;

/**
 * Rotates queries and keys, and writes keys and values to the cache.
 *
 * <p>N tokens, H query heads, G key/value heads, D head width, R rotated width, S slots, C
 * capacity. The first R elements of a head are rotated by halves: {@code (a, b) -> (a cos - b sin,
 * b cos + a sin)} with a = 0..R/2-1, b = R/2..R-1. The operation serves a prompt (N tokens of one
 * slot) and a decoding step (one token of each of N slots). The cell of a token is {@code slot * C
 * + position}.
 */
public interface RotaryCacheWrite {

  /**
   * Rotates in float32. Moves about {@code N (2 (H + G) R + 4 G D)} elements, and the tables.
   *
   * @param qkv [N, (H + 2 G) D], contiguous: queries, keys, values; queries and keys are rotated in
   *     place
   * @param heads H
   * @param cos [N, R/2] float32, contiguous: the tables at each token's position
   * @param sin [N, R/2] float32, contiguous
   * @param cells [N] int64, all different
   * @param keys [S, C, G, D], contiguous, the dtype of {@code qkv}; written in place
   * @param values like {@code keys}
   */
  void rotateAndWrite(
      Tensor qkv, int heads, Tensor cos, Tensor sin, Tensor cells, Tensor keys, Tensor values);
}
