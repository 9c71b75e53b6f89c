package io.glmimage.kernel;

import org.bytedeco.pytorch.Tensor;

/** Doubles the sides of images whose channels are last in memory. B images, C channels. */
@FunctionalInterface
public interface UpsampleNearest {
  /**
   * Every pixel as 2 x 2 pixels. Reads every element once and writes it four times.
   *
   * @param x {@code [B, C, H, W]}, channels last
   * @return {@code [B, C, 2H, 2W]}, new, channels last
   */
  Tensor twice(Tensor x);
}
