package io.glmimage.kernel;

import org.bytedeco.pytorch.Tensor;

/**
 * Draws the next token of every row: temperature, then top_k, then top_p, then the softmax of what
 * is left, all in float32, and from it the first id, in ascending order of ids, whose cumulative
 * probability is above {@code u} times the total.
 *
 * <p>N rows, K ids. Among equal logits at the edge of top_p the lower ids leave first. With top_k =
 * 1 it is the argmax (the lowest id among equals) and {@code uniforms} is not read.
 */
public interface TokenSampling {

  /**
   * Moves N K logits, a few times for the sort; one row is one thread block's work.
   *
   * @param logits [N, K], contiguous, any floating dtype
   * @param uniforms [N] float32, in [0, 1)
   * @param ids [N] int64; written in place
   */
  void sample(Tensor logits, Tensor uniforms, SamplingSettings settings, Tensor ids);
}
