package io.glmimage.pipeline;

import io.glmimage.image.Mask;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Latents that a mask keeps at those of the source image. After every step they are the source's
 * latents with the noise of that step.
 *
 * <p>C latent channels, h x w latent sides. The tensors belong to the caller's scope.
 */
final class HeldLatents {
  /** {@code [1, h, w]} float32: 1 where latents may change, and where not. */
  private final Tensor free;

  private final Tensor held;
  private final Tensor source;
  private final Tensor noise;
  private final float[] sigmas;

  /**
   * @param source latents of the source image at the size of the target, {@code [C, h, w]}
   * @param noise the initial latents, {@code [C, h, w]}
   * @param sigmas noise levels, one more than steps
   */
  HeldLatents(Mask mask, Tensor source, Tensor noise, float[] sigmas, Compute compute) {
    int height = (int) source.size(1);
    int width = (int) source.size(2);
    boolean[] edited = mask.resized(height, width).edited();
    float[] values = new float[edited.length];
    float[] others = new float[edited.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = edited[i] ? 1 : 0;
      others[i] = 1 - values[i];
    }
    this.free = Ops.to(Ops.of(values, 1, height, width), compute, ScalarType.Float);
    this.held = Ops.to(Ops.of(others, 1, height, width), compute, ScalarType.Float);
    this.source = Ops.to(source, compute, ScalarType.Float);
    this.noise = Ops.to(noise, compute, ScalarType.Float);
    this.sigmas = sigmas;
  }

  /** Holds the latents that a step has given, in place. */
  void apply(Tensor latents, int step) {
    double sigma = sigmas[step + 1];
    try (TensorScope scope = new TensorScope()) {
      Tensor noised = source.mul(new Scalar(1 - sigma)).add(noise.mul(new Scalar(sigma)));
      latents.mul_(free).add_(noised.mul(held));
    }
  }
}
