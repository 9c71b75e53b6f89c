package io.glmimage.model.dit;

import io.glmimage.weights.ConfigFile;

/**
 * {@code transformer/config.json}.
 *
 * @param patch side of a token's patch of latents
 * @param channels latent channels, in and out
 * @param layers number of blocks
 * @param heads attention heads
 * @param headDim width of a head
 * @param textDim width of a glyph embedding
 * @param timeDim width of the conditioning vector
 * @param conditionDim width of the embedding of one number of the target size
 * @param codebook number of prior ids
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

  /** Epsilon of every norm: the architecture fixes it, no configuration names it. */
  static final double EPS = 1e-5;

  /** D. */
  int width() {
    return heads * headDim;
  }

  /** Values of a patch. */
  int patchValues() {
    return channels * patch * patch;
  }

  /**
   * @throws io.glmimage.error.CheckpointException if the file asks for what this network cannot do
   */
  static DitConfig read(ConfigFile file) {
    file.requireText("_class_name", "GlmImageTransformer2DModel");
    DitConfig config =
        new DitConfig(
            file.size("patch_size"),
            file.size("in_channels"),
            file.size("num_layers"),
            file.size("num_attention_heads"),
            file.size("attention_head_dim"),
            file.size("text_embed_dim"),
            file.size("time_embed_dim"),
            file.size("condition_dim"),
            file.size("prior_vq_quantizer_codebook_size"));
    if (file.size("out_channels") != config.channels) {
      throw file.error(
          "out_channels",
          "is "
              + file.size("out_channels")
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
