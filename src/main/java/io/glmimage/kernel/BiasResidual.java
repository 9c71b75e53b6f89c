package io.glmimage.kernel;

import org.bytedeco.pytorch.Tensor;

/**
 * The end of a residual block of images whose channels are last in memory: {@code x += bias +
 * residual}. B images, C channels, H x W positions.
 */
@FunctionalInterface
public interface BiasResidual {
  /**
   * Moves 3 B C H W elements, which is the floor.
   *
   * @param x {@code [B, C, H, W]}, channels last; changed in place
   * @param bias {@code [C]}
   * @param residual {@code [B, C, H, W]}, channels last
   */
  void add(Tensor x, Tensor bias, Tensor residual);
}
