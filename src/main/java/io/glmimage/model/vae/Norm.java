package io.glmimage.model.vae;

import io.glmimage.tensor.Ops;
import io.glmimage.weights.Weights;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Group norm of {@code [B, C, H, W]}. ATen computes its statistics in float32 even for bfloat16
 * values.
 *
 * @param weight {@code [C]}
 * @param bias {@code [C]}
 */
record Norm(Tensor weight, Tensor bias, int groups) {
  static Norm of(Weights weights, String name, int channels, int groups) {
    return new Norm(
        weights.get(name + ".weight", channels), weights.get(name + ".bias", channels), groups);
  }

  Tensor forward(Tensor x) {
    return Ops.groupNorm(x, groups, weight, bias, VaeConfig.NORM_EPS);
  }

  /** The norm followed by x sigmoid(x). */
  Tensor forwardSilu(Tensor x) {
    Tensor normed = forward(x);
    // In place: the normed values are not needed any more, and may take gigabytes.
    torch.silu_(normed);
    return normed;
  }
}
