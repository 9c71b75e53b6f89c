package io.glmimage.kernel;

import org.bytedeco.pytorch.Tensor;

/**
 * The first layer of an MLP: {@code gelu(x weightᵀ + bias)} with the tanh approximation. The
 * product is part of the operation, so that an implementation may apply bias and gelu in the
 * product's epilogue.
 *
 * <p>T rows, I inputs, F features. With an epilogue, bias and gelu move no further elements; as a
 * separate kernel they move 2 T F. Empty rows give an empty {@code [T, F]} and launch nothing.
 */
@FunctionalInterface
public interface LinearGelu {
  /**
   * @param x {@code [T, I]} contiguous
   * @param weight {@code [F, I]} contiguous
   * @param bias {@code [F]}
   * @return {@code [T, F]}, of the caller's scope
   */
  Tensor apply(Tensor x, Tensor weight, Tensor bias);
}
