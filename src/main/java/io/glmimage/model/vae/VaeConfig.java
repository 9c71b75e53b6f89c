package io.glmimage.model.vae;

import io.glmimage.error.CheckpointException;
import io.glmimage.weights.ConfigFile;
import java.util.Set;

/**
 * The values of {@code vae/config.json} that the VAE uses.
 *
 * @param blockChannels channels of each resolution, finest first
 * @param layersPerBlock residual blocks per encoder resolution; the decoder has one more
 * @param latentChannels C, channels of the latents
 * @param normGroups groups of every group norm
 * @param midAttention whether the coarsest resolution attends over all its positions
 * @param quantConv whether a 1x1 convolution follows the encoder
 * @param postQuantConv whether a 1x1 convolution precedes the decoder
 * @param latentsMean one number per latent channel
 * @param latentsStd one number per latent channel, above 0
 */
record VaeConfig(
    int[] blockChannels,
    int layersPerBlock,
    int latentChannels,
    int normGroups,
    boolean midAttention,
    boolean quantConv,
    boolean postQuantConv,
    double[] latentsMean,
    double[] latentsStd) {

  private static final Set<String> KNOWN =
      Set.of(
          "in_channels",
          "out_channels",
          "down_block_types",
          "up_block_types",
          "block_out_channels",
          "layers_per_block",
          "act_fn",
          "latent_channels",
          "norm_num_groups",
          "mid_block_add_attention",
          "use_quant_conv",
          "use_post_quant_conv",
          "latents_mean",
          "latents_std",
          // The pipeline uses mean and standard deviation instead.
          "scaling_factor",
          "shift_factor",
          // Tiling and the dtype are options of the job.
          "sample_size",
          "force_upcast");

  /** Red, green, blue. */
  static final int IMAGE_CHANNELS = 3;

  /** Epsilon of every group norm. The architecture fixes it; the file does not contain it. */
  static final double NORM_EPS = 1e-6;

  /**
   * Reads the configuration.
   *
   * @throws CheckpointException if a value is missing, out of range or not supported
   */
  static VaeConfig read(ConfigFile file) {
    file.requireText("_class_name", "AutoencoderKL");
    file.requireText("act_fn", "silu");
    file.warnOfOthers(KNOWN);
    for (String channels : new String[] {"in_channels", "out_channels"}) {
      if (file.integer(channels, IMAGE_CHANNELS) != IMAGE_CHANNELS) {
        throw file.error(channels, "must be 3 (RGB), but is " + file.integer(channels));
      }
    }
    int groups = file.size("norm_num_groups", 32);
    int[] blocks = file.integers("block_out_channels");
    if (blocks.length == 0) {
      throw file.error("block_out_channels", "must not be empty");
    }
    for (int channels : blocks) {
      if (channels <= 0 || channels % groups != 0) {
        throw file.error(
            "block_out_channels",
            channels + " is not a positive multiple of norm_num_groups = " + groups);
      }
    }
    checkBlockTypes(file, "down_block_types", "DownEncoderBlock2D", blocks.length);
    checkBlockTypes(file, "up_block_types", "UpDecoderBlock2D", blocks.length);
    int latent = file.sizeOrWarn("latent_channels", 4);
    double[] mean = perChannel(file, "latents_mean", latent);
    double[] std = perChannel(file, "latents_std", latent);
    for (double s : std) {
      if (!(s > 0)) {
        throw file.error("latents_std", s + " is not above 0");
      }
    }
    return new VaeConfig(
        blocks,
        file.sizeOrWarn("layers_per_block", 1),
        latent,
        groups,
        file.flag("mid_block_add_attention", true),
        file.flag("use_quant_conv", true),
        file.flag("use_post_quant_conv", true),
        mean,
        std);
  }

  /** Pixels per latent position, along a side. */
  int scaleFactor() {
    return 1 << (blockChannels.length - 1);
  }

  /** Channels of the coarsest resolution. */
  int midChannels() {
    return blockChannels[blockChannels.length - 1];
  }

  /** Values of the largest activation while an image of {@code pixels} is encoded. */
  long largestEncoded(long pixels) {
    long largest = 0;
    for (int i = 0; i < blockChannels.length; i++) {
      largest = Math.max(largest, blockChannels[i] * (pixels >> (2 * i)));
    }
    return largest;
  }

  /** Values of the largest activation while an image of {@code pixels} is decoded. */
  long largestDecoded(long pixels) {
    long largest = 0;
    for (int i = 0; i < blockChannels.length; i++) {
      // The first block of a resolution takes the channels of the coarser one.
      int coarser = blockChannels[Math.min(i + 1, blockChannels.length - 1)];
      largest = Math.max(largest, Math.max(blockChannels[i], coarser) * (pixels >> (2 * i)));
    }
    return largest;
  }

  private static void checkBlockTypes(ConfigFile file, String key, String known, int count) {
    for (String type : file.texts(key)) {
      if (!type.equals(known)) {
        throw file.error(
            key, "has a block of type \"" + type + "\", but only " + known + " is supported");
      }
    }
    if (file.texts(key).size() != count) {
      throw file.error(
          key,
          "has "
              + file.texts(key).size()
              + " blocks, but block_out_channels has "
              + count
              + " numbers");
    }
  }

  private static double[] perChannel(ConfigFile file, String key, int channels) {
    double[] values = file.numbers(key);
    // A missing key is reported by itself.
    if (values.length != channels && file.has(key)) {
      throw file.error(
          key, "has " + values.length + " numbers, but latent_channels is " + channels);
    }
    return values;
  }
}
