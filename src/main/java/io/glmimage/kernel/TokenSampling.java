package io.glmimage.kernel;

import org.bytedeco.pytorch.Tensor;

/**
 * Draws the next token of every row. Temperature, top_k, top_p and the softmax of the remaining ids
 * are applied in this order, in float32. The result is the first id, in ascending order of ids,
 * whose cumulative probability is above {@code u} times the total.
 *
 * <p>N rows, K ids. Among equal logits at the limit of top_p, the lower ids are dropped first. With
 * top_k = 1 the result is the argmax (the lowest id among equals), and {@code uniforms} is not
 * read.
 */
public interface TokenSampling {

  /**
   * Moves N K logits at least; a composition with a sort moves them several times.
   *
   * @param logits [N, K], contiguous, any floating dtype
   * @param uniforms [N] float32, in [0, 1)
   * @param ids [N] int64; written in place
   */
  void sample(Tensor logits, Tensor uniforms, SamplingSettings settings, Tensor ids);
}
