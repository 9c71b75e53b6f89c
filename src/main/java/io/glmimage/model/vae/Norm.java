package io.glmimage.model.vae;

import io.glmimage.kernel.GroupNorm;
import io.glmimage.tensor.Ops;
import io.glmimage.weights.Weights;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Group norm of {@code [B, C, H, W]}, with statistics in float32 even for bfloat16 values.
 *
 * @param affine the parameters
 * @param kernel for images whose channels are last in memory; others go to libtorch's operations
 */
record Norm(GroupNorm.Affine affine, GroupNorm kernel) {
  static Norm of(Weights weights, String name, int channels, int groups, GroupNorm kernel) {
    return new Norm(
        new GroupNorm.Affine(
            weights.get(name + ".weight", channels),
            weights.get(name + ".bias", channels),
            groups,
            VaeConfig.NORM_EPS),
        kernel);
  }

  Tensor forward(Tensor x) {
    return Ops.isChannelsLast(x)
        ? kernel.norm(x, /* offset= */ null, affine)
        : Ops.groupNorm(x, affine.groups(), affine.weight(), affine.bias(), affine.eps());
  }

  /** The norm followed by x sigmoid(x). */
  Tensor forwardSilu(Tensor x) {
    if (Ops.isChannelsLast(x)) {
      return forwardSilu(x, /* offset= */ null);
    }
    Tensor normed = forward(x);
    // In place: the normed values are not needed any more, and may take gigabytes.
    torch.silu_(normed);
    return normed;
  }

  /**
   * As {@link #forwardSilu(Tensor)}, of {@code x + offset}.
   *
   * @param x an image whose channels are last
   * @param offset {@code [C]}, or null for 0
   */
  Tensor forwardSilu(Tensor x, Tensor offset) {
    return kernel.normSilu(x, offset, affine);
  }
}
