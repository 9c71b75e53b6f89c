package io.glmimage.model.vae;

import io.glmimage.kernel.UpsampleNearest;
import io.glmimage.model.Observer;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import io.glmimage.weights.Weights;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * Latents to images: {@code [B, C, h, w] -> [B, 3, f h, f w]}, about [-1, 1] and not clamped. B
 * batch, h x w latent positions, f the scale factor, C latent channels. Computes in the dtype of
 * the weights.
 *
 * <p>Ported from diffusers src/diffusers/models/autoencoders/vae.py, Decoder, with post_quant_conv
 * of autoencoder_kl.py (commit 58eb52c). Deviations: none.
 */
final class VaeDecoder {
  /** Null in checkpoints without this convolution. */
  private final Conv postQuantConv;

  private final Conv convIn;
  private final MidBlock midBlock;
  private final List<UpBlock> upBlocks = new ArrayList<>();
  private final Norm normOut;
  private final Conv convOut;

  /** The residual blocks of one resolution; then, except for the last one, doubling the size. */
  private static final class UpBlock {
    private final List<ResnetBlock> resnets = new ArrayList<>();
    private final Conv upsampler;
    private final UpsampleNearest upsample;

    UpBlock(Weights weights, int in, int out, VaeConfig config, Layers layers, boolean last) {
      for (int i = 0; i <= config.layersPerBlock(); i++) {
        resnets.add(
            new ResnetBlock(weights.prefix("resnets." + i + "."), i == 0 ? in : out, out, layers));
      }
      upsampler = last ? null : layers.conv(weights, "upsamplers.0.conv", out, out, 3);
      upsample = layers.kernels().upsampleNearest();
    }

    Tensor forward(Tensor x) {
      try (TensorScope scope = new TensorScope()) {
        Tensor h = resnets.get(0).forward(x);
        for (ResnetBlock resnet : resnets.subList(1, resnets.size())) {
          h = scope.replace(h, resnet.forward(h));
        }
        if (upsampler != null) {
          h = scope.replace(h, twice(h));
          h = scope.replace(h, upsampler.forward(h));
        }
        return scope.keep(h);
      }
    }

    private Tensor twice(Tensor x) {
      return Ops.isChannelsLast(x) ? upsample.twice(x) : Ops.upsampleNearest2x(x);
    }
  }

  VaeDecoder(Weights all, VaeConfig config, Layers layers) {
    int latent = config.latentChannels();
    postQuantConv =
        config.postQuantConv() ? layers.conv(all, "post_quant_conv", latent, latent, 1) : null;
    Weights weights = all.prefix("decoder.");
    convIn = layers.conv(weights, "conv_in", latent, config.midChannels(), 3);
    midBlock = new MidBlock(weights.prefix("mid_block."), config, layers);
    int[] channels = config.blockChannels();
    // Up block i has the channels of down block (last - i).
    int last = channels.length - 1;
    for (int i = 0; i <= last; i++) {
      upBlocks.add(
          new UpBlock(
              weights.prefix("up_blocks." + i + "."),
              channels[Math.min(last, last - i + 1)],
              channels[last - i],
              config,
              layers,
              i == last));
    }
    normOut = layers.norm(weights, "conv_norm_out", channels[0]);
    convOut = layers.conv(weights, "conv_out", channels[0], VaeConfig.IMAGE_CHANNELS, 3);
  }

  /**
   * The forward pass.
   *
   * @param observer sees the results of the modules, by the names that the reference gives them
   */
  Tensor forward(Tensor latents, Observer observer) {
    try (TensorScope scope = new TensorScope()) {
      Tensor h = convIn.forward(postQuantConv == null ? latents : postQuantConv.forward(latents));
      observer.accept("decoder.conv_in", h);
      h = scope.replace(h, midBlock.forward(h));
      observer.accept("decoder.mid_block", h);
      for (int i = 0; i < upBlocks.size(); i++) {
        h = scope.replace(h, upBlocks.get(i).forward(h));
        observer.accept("decoder.up_blocks." + i, h);
      }
      h = scope.replace(h, normOut.forwardSilu(h));
      return scope.keep(convOut.forward(h));
    }
  }
}
