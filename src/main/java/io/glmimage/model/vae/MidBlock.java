package io.glmimage.model.vae;

import io.glmimage.tensor.TensorScope;
import io.glmimage.weights.Weights;
import org.bytedeco.pytorch.Tensor;

/**
 * Two residual blocks at the coarsest resolution, with or without attention between them. {@code
 * [B, C, h, w] -> [B, C, h, w]}
 *
 * <p>Ported from diffusers src/diffusers/models/unets/unet_2d_blocks.py, UNetMidBlock2D (commit
 * 58eb52c). Deviations: none.
 */
final class MidBlock {
  private final ResnetBlock first;

  /** Null in checkpoints without attention. */
  private final SpatialAttention attention;

  private final ResnetBlock second;

  MidBlock(Weights weights, VaeConfig config, Layers layers) {
    int channels = config.midChannels();
    first = new ResnetBlock(weights.prefix("resnets.0."), channels, channels, layers);
    attention =
        config.midAttention()
            ? new SpatialAttention(weights.prefix("attentions.0."), channels, layers)
            : null;
    second = new ResnetBlock(weights.prefix("resnets.1."), channels, channels, layers);
  }

  Tensor forward(Tensor x) {
    try (TensorScope scope = new TensorScope()) {
      Tensor h = first.forward(x);
      if (attention != null) {
        h = scope.replace(h, attention.forward(h));
      }
      return scope.keep(second.forward(h));
    }
  }
}
