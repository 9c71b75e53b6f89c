package io.glmimage.model.vae;

import io.glmimage.tensor.TensorScope;
import io.glmimage.weights.Weights;
import org.bytedeco.pytorch.Tensor;

/**
 * Residual block, {@code [B, I, H, W] -> [B, O, H, W]}: {@code x +
 * conv(silu(norm(conv(silu(norm(x))))))}. The first x goes through a 1x1 convolution if I and O
 * differ.
 *
 * <p>Ported from diffusers src/diffusers/models/resnet.py, ResnetBlock2D without time embedding
 * (commit 58eb52c). Deviations: none.
 */
final class ResnetBlock {
  private final Norm norm1;
  private final Conv conv1;
  private final Norm norm2;
  private final Conv conv2;

  /** Null if input and output have the same number of channels. */
  private final Conv shortcut;

  ResnetBlock(Weights weights, int in, int out, int groups) {
    norm1 = Norm.of(weights, "norm1", in, groups);
    conv1 = Conv.of(weights, "conv1", in, out, 3);
    norm2 = Norm.of(weights, "norm2", out, groups);
    conv2 = Conv.of(weights, "conv2", out, out, 3);
    shortcut = in == out ? null : Conv.of(weights, "conv_shortcut", in, out, 1);
  }

  Tensor forward(Tensor x) {
    try (TensorScope scope = new TensorScope()) {
      Tensor h = norm1.forwardSilu(x);
      h = scope.replace(h, conv1.forward(h));
      h = scope.replace(h, norm2.forwardSilu(h));
      h = scope.replace(h, conv2.forward(h));
      h.add_(shortcut == null ? x : shortcut.forward(x));
      return scope.keep(h);
    }
  }
}
