package io.glmimage.kernel;

import org.bytedeco.pytorch.Tensor;

/**
 * The end of a denoising step, in place and in float32: {@code latents += delta * noise}. Noise is
 * {@code uncond + guidance * (cond - uncond)}, and delta is the next sigma minus the current one.
 * The second-order form extrapolates the noise: {@code latents += delta * (noise + extrapolation *
 * (noise - previous))}, then {@code previous = noise}. The predictions are packed patches: token
 * (r, c) holds {@code (channel, y, x)} of its p x p patch.
 *
 * <p>C channels, h x w latent sides, p patch side. Reads the image rows of both predictions and the
 * latents, and writes the latents. The floor is 2 C h w elements plus 2 C h w float32, for the
 * second order 4 C h w float32. Empty latents launch nothing.
 */
public interface GuidedEulerStep {
  /**
   * A step of the first order.
   *
   * @param latents {@code [C, h, w]} float32 contiguous; updated
   * @param prediction {@code [T, C p p]} contiguous
   * @param layout the conditional sequence, then the unconditional one; without a second sequence
   *     there is no guidance
   * @param patch p
   * @param scalars {@code [2]} or more, float32 on the device: delta and guidance
   */
  default void apply(
      Tensor latents, Tensor prediction, PackedLayout layout, int patch, Tensor scalars) {
    apply(latents, prediction, null, layout, patch, scalars);
  }

  /**
   * A step of the first or the second order.
   *
   * @param previous {@code [C, h, w]} float32 contiguous, finite: the noise of the last step, which
   *     that of this step replaces; null for a step of the first order
   * @param scalars {@code [2]} or, with {@code previous}, {@code [3]}, float32 on the device:
   *     delta, guidance and extrapolation. An extrapolation of 0 makes a step of the first order
   *     that keeps its noise
   */
  void apply(
      Tensor latents,
      Tensor prediction,
      Tensor previous,
      PackedLayout layout,
      int patch,
      Tensor scalars);
}
