package io.glmimage.model.dit;

import io.glmimage.weights.ConfigFile;
import java.util.Set;

/**
 * The values of {@code transformer/config.json} that this network uses.
 *
 * @param patch side of the square of latents that one token stands for
 * @param channels latent channels, in and out
 * @param layers number of transformer blocks
 * @param heads attention heads
 * @param headDim width of a head
 * @param textDim width of a glyph embedding
 * @param timeDim E, width of the conditioning vector
 * @param conditionDim width of the embedding of one number of the target size
 * @param codebook number of different prior ids
 */
record DitConfig(
    int patch,
    int channels,
    int layers,
    int heads,
    int headDim,
    int textDim,
    int timeDim,
    int conditionDim,
    int codebook) {

  private static final Set<String> KNOWN =
      Set.of(
          "patch_size",
          "in_channels",
          "out_channels",
          "num_layers",
          "num_attention_heads",
          "attention_head_dim",
          "text_embed_dim",
          "time_embed_dim",
          "condition_dim",
          "prior_vq_quantizer_codebook_size");

  /** The reference's default for the channels of the latents. */
  private static final int CHANNELS_DEFAULT = 16;

  /** Epsilon of every norm. The architecture fixes it; the configuration does not contain it. */
  static final double EPS = 1e-5;

  /** D. */
  int width() {
    return heads * headDim;
  }

  /** Values per patch. */
  int patchValues() {
    return channels * patch * patch;
  }

  /**
   * Reads the configuration.
   *
   * @throws io.glmimage.error.CheckpointException if the file asks for an unsupported architecture
   */
  static DitConfig read(ConfigFile file) {
    file.requireText("_class_name", "GlmImageTransformer2DModel");
    file.warnOfOthers(KNOWN);
    DitConfig config =
        new DitConfig(
            file.sizeOrWarn("patch_size", 2),
            file.sizeOrWarn("in_channels", CHANNELS_DEFAULT),
            file.sizeOrWarn("num_layers", 30),
            file.sizeOrWarn("num_attention_heads", 64),
            file.sizeOrWarn("attention_head_dim", 40),
            file.sizeOrWarn("text_embed_dim", 1472),
            file.sizeOrWarn("time_embed_dim", 512),
            file.sizeOrWarn("condition_dim", 256),
            file.sizeOrWarn("prior_vq_quantizer_codebook_size", 16_384));
    int out = file.size("out_channels", CHANNELS_DEFAULT);
    if (out != config.channels) {
      throw file.error(
          "out_channels",
          "is "
              + out
              + ", but must equal in_channels ("
              + config.channels
              + "): the prediction is subtracted from the latents");
    }
    if (config.headDim % 4 != 0) {
      throw file.error(
          "attention_head_dim",
          "is " + config.headDim + ", but the two-dimensional rotation needs a multiple of 4");
    }
    if (config.timeDim % 2 != 0) {
      throw file.error("time_embed_dim", "is " + config.timeDim + ", but must be even");
    }
    if (config.conditionDim % 2 != 0) {
      throw file.error("condition_dim", "is " + config.conditionDim + ", but must be even");
    }
    return config;
  }
}
