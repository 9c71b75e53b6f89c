package io.glmimage.kernel;

import org.bytedeco.pytorch.Tensor;

/**
 * The end of a denoising step, in place and in float32: {@code latents += delta * (uncond +
 * guidance * (cond - uncond))}, where delta is the next sigma minus the current one. The
 * predictions are packed patches: token (r, c) holds {@code (channel, y, x)} of its p x p patch.
 *
 * <p>C channels, h x w latent sides, p patch side. Reads the image rows of both predictions and the
 * latents, and writes the latents. The floor is 2 C h w elements plus 2 C h w float32. Empty
 * latents launch nothing.
 */
@FunctionalInterface
public interface GuidedEulerStep {
  /**
   * @param latents {@code [C, h, w]} float32 contiguous; updated
   * @param prediction {@code [T, C p p]} contiguous
   * @param layout the conditional sequence, then the unconditional one; without a second sequence
   *     there is no guidance
   * @param patch p
   * @param deltaAndGuidance {@code [2]} float32 on the device
   */
  void apply(
      Tensor latents, Tensor prediction, PackedLayout layout, int patch, Tensor deltaAndGuidance);
}
