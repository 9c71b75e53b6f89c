package io.glmimage.kernel;

import org.bytedeco.pytorch.Tensor;

/**
 * Group norm of images whose channels are last in memory, with statistics in float32. B images, C
 * channels, H x W positions. An image's result does not depend on the other images.
 */
public interface GroupNorm {
  /**
   * The parameters of a norm.
   *
   * @param weight {@code [C]}
   * @param bias {@code [C]}
   * @param groups a divisor of C
   */
  record Affine(Tensor weight, Tensor bias, int groups, double eps) {}

  /**
   * The norm of {@code x + offset}. Reads {@code x} twice and writes the result once: 3 B C H W
   * elements.
   *
   * @param x {@code [B, C, H, W]}, channels last
   * @param offset {@code [C]}, such as the bias of the convolution that made {@code x}; null for 0
   * @return {@code [B, C, H, W]}, new, channels last
   */
  Tensor norm(Tensor x, Tensor offset, Affine affine);

  /** As {@link #norm}, followed by {@code y * sigmoid(y)}. */
  Tensor normSilu(Tensor x, Tensor offset, Affine affine);
}
