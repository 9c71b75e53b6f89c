package io.glmimage.model.prior;

import io.glmimage.weights.ConfigFile;

/**
 * {@code vision_config}: the sizes of the vision tower.
 *
 * @param layers number of blocks
 * @param width E, width of a feature
 * @param inner width inside the MLP
 * @param heads a divisor of E
 * @param channels of an image
 * @param patch side of a patch in pixels
 * @param tableSide rows and columns of the position table
 * @param eps of the layer norms
 * @param bias whether the attention's projections have a bias
 */
record VisionConfig(
    int layers,
    int width,
    int inner,
    int heads,
    int channels,
    int patch,
    int tableSide,
    double eps,
    boolean bias) {

  static VisionConfig read(ConfigFile file) {
    file.requireText("hidden_act", "gelu");
    if (file.integer("spatial_merge_size", 1) != 1) {
      throw file.error("spatial_merge_size", "only 1 is supported: every patch is one token");
    }
    int width = file.size("hidden_size");
    int heads = file.size("num_heads");
    if (width % heads != 0) {
      throw file.error("num_heads", heads + " does not divide the width " + width);
    }
    int patch = file.size("patch_size");
    return new VisionConfig(
        file.size("depth"),
        width,
        file.size("intermediate_size"),
        heads,
        file.size("in_channels"),
        patch,
        file.size("image_size") / patch,
        file.number("layer_norm_eps", 1e-6),
        file.flag("attention_bias", true));
  }

  /** Values per patch. */
  int patchValues() {
    return channels * patch * patch;
  }
}
