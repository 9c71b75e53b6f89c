package io.glmimage.model.prior;

import io.glmimage.weights.ConfigFile;
import java.util.Set;

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

  /** The settings that this program knows, among those whose names say that they matter. */
  private static final Set<String> KNOWN = Set.of("layer_norm_eps", "attention_bias");

  static VisionConfig read(ConfigFile file) {
    file.requireText("hidden_act", "gelu");
    file.warnOfOthersThatMatter(KNOWN);
    if (file.integer("spatial_merge_size", 1) != 1) {
      throw file.error("spatial_merge_size", "only 1 is supported: every patch is one token");
    }
    int width = file.sizeOrWarn("hidden_size", 1536);
    int heads = file.sizeOrWarn("num_heads", 16);
    if (width % heads != 0) {
      throw file.error("num_heads", heads + " does not divide the width " + width);
    }
    int patch = file.sizeOrWarn("patch_size", 16);
    return new VisionConfig(
        file.sizeOrWarn("depth", 40),
        width,
        file.sizeOrWarn("intermediate_size", 6144),
        heads,
        file.size("in_channels", 3),
        patch,
        file.sizeOrWarn("image_size", 2048) / patch,
        file.number("layer_norm_eps", 1e-6),
        file.flag("attention_bias", true));
  }

  /** Values per patch. */
  int patchValues() {
    return channels * patch * patch;
  }
}
