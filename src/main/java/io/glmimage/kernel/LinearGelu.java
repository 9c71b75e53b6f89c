package io.glmimage.kernel;

import org.bytedeco.pytorch.Tensor;

/**
 * The widening half of an MLP: {@code gelu(x weightᵀ + bias)}, gelu by its tanh approximation. The
 * product is part of the interface so that an implementation may put bias and activation into its
 * epilogue.
 *
 * <p>T rows, I inputs, F features. Beyond the product, the floor is nothing; with a bias and
 * activation kernel of its own it is 2 T F elements. Empty rows give an empty {@code [T, F]} and
 * launch nothing.
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
