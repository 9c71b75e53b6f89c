package io.glmimage.model.vae;

import io.glmimage.model.Observer;
import io.glmimage.tensor.TensorScope;
import io.glmimage.weights.Weights;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Computes the moments of the latents of images: {@code [B, 3, H, W] -> [B, 2C, h, w]}. Pixels are
 * in [-1, 1]; the moments are C means, then C logarithms of variances. B batch, H x W pixels
 * (multiples of the scale factor f), h = H / f, w = W / f, C latent channels. Computes in the dtype
 * of the weights.
 *
 * <p>Ported from diffusers src/diffusers/models/autoencoders/vae.py, Encoder, with quant_conv of
 * autoencoder_kl.py (commit 58eb52c). Deviations: none.
 */
final class VaeEncoder {
  private final Conv convIn;
  private final List<DownBlock> downBlocks = new ArrayList<>();
  private final MidBlock midBlock;
  private final Norm normOut;
  private final Conv convOut;

  /** Null in checkpoints without this convolution. */
  private final Conv quantConv;

  /** The residual blocks of one resolution; then, except for the last one, halving the size. */
  private static final class DownBlock {
    private final List<ResnetBlock> resnets = new ArrayList<>();
    private final Conv downsampler;

    DownBlock(Weights weights, int in, int out, VaeConfig config, Layers layers, boolean last) {
      for (int i = 0; i < config.layersPerBlock(); i++) {
        resnets.add(
            new ResnetBlock(weights.prefix("resnets." + i + "."), i == 0 ? in : out, out, layers));
      }
      downsampler = last ? null : layers.conv(weights, "downsamplers.0.conv", out, out, 3);
    }

    Tensor forward(Tensor x) {
      try (TensorScope scope = new TensorScope()) {
        Tensor h = resnets.get(0).forward(x);
        for (ResnetBlock resnet : resnets.subList(1, resnets.size())) {
          h = scope.replace(h, resnet.forward(h));
        }
        if (downsampler != null) {
          // One column of zeros at the right and one row at the bottom only.
          h = scope.replace(h, torch.constant_pad_nd(h, 0, 1, 0, 1));
          h = scope.replace(h, downsampler.forwardStride2(h));
        }
        return scope.keep(h);
      }
    }
  }

  VaeEncoder(Weights all, VaeConfig config, Layers layers) {
    Weights weights = all.prefix("encoder.");
    int[] channels = config.blockChannels();
    convIn = layers.conv(weights, "conv_in", VaeConfig.IMAGE_CHANNELS, channels[0], 3);
    for (int i = 0; i < channels.length; i++) {
      downBlocks.add(
          new DownBlock(
              weights.prefix("down_blocks." + i + "."),
              channels[Math.max(0, i - 1)],
              channels[i],
              config,
              layers,
              i == channels.length - 1));
    }
    midBlock = new MidBlock(weights.prefix("mid_block."), config, layers);
    normOut = layers.norm(weights, "conv_norm_out", config.midChannels());
    int moments = 2 * config.latentChannels();
    convOut = layers.conv(weights, "conv_out", config.midChannels(), moments, 3);
    quantConv = config.quantConv() ? layers.conv(all, "quant_conv", moments, moments, 1) : null;
  }

  /**
   * The forward pass.
   *
   * @param observer sees the results of the modules, by the names that the reference gives them
   */
  Tensor forward(Tensor image, Observer observer) {
    try (TensorScope scope = new TensorScope()) {
      Tensor h = convIn.forward(image);
      for (int i = 0; i < downBlocks.size(); i++) {
        h = scope.replace(h, downBlocks.get(i).forward(h));
        observer.accept("encoder.down_blocks." + i, h);
      }
      h = scope.replace(h, midBlock.forward(h));
      observer.accept("encoder.mid_block", h);
      h = scope.replace(h, normOut.forwardSilu(h));
      h = scope.replace(h, convOut.forward(h));
      observer.accept("encoder.conv_out", h);
      return scope.keep(quantConv == null ? h : quantConv.forward(h));
    }
  }
}
