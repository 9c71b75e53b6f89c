package io.glmimage.model.vae;

import io.glmimage.kernel.BiasResidual;
import io.glmimage.tensor.Ops;
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

  private final BiasResidual sum;

  ResnetBlock(Weights weights, int in, int out, Layers layers) {
    norm1 = layers.norm(weights, "norm1", in);
    conv1 = layers.conv(weights, "conv1", in, out, 3);
    norm2 = layers.norm(weights, "norm2", out);
    conv2 = layers.conv(weights, "conv2", out, out, 3);
    shortcut = in == out ? null : layers.conv(weights, "conv_shortcut", in, out, 1);
    sum = layers.kernels().biasResidual();
  }

  Tensor forward(Tensor x) {
    try (TensorScope scope = new TensorScope()) {
      Tensor h = norm1.forwardSilu(x);
      if (Ops.isChannelsLast(x)) {
        // What follows a convolution adds its bias, which saves a pass over the image.
        h = scope.replace(h, conv1.forwardWithoutBias(h));
        h = scope.replace(h, norm2.forwardSilu(h, conv1.bias()));
        h = scope.replace(h, conv2.forwardWithoutBias(h));
        sum.add(h, conv2.bias(), skipped(x));
      } else {
        h = scope.replace(h, conv1.forward(h));
        h = scope.replace(h, norm2.forwardSilu(h));
        h = scope.replace(h, conv2.forward(h));
        h.add_(skipped(x));
      }
      return scope.keep(h);
    }
  }

  private Tensor skipped(Tensor x) {
    return shortcut == null ? x : shortcut.forward(x);
  }
}
