package io.glmimage.model.glyph;

import io.glmimage.error.CheckpointException;
import io.glmimage.weights.ConfigFile;
import java.util.Set;

/**
 * The values of {@code text_encoder/config.json} that the encoder uses.
 *
 * @param layers number of blocks
 * @param width E, of the residual stream and of an embedding
 * @param heads attention heads
 * @param headWidth width of a head; heads * headWidth may differ from the width
 * @param hidden width inside the feed-forward
 * @param vocabulary number of ids
 * @param normEps added to the mean square in every norm
 * @param buckets number of classes of relative distances, half of them for each direction
 * @param maxDistance larger distances share the last bucket
 */
record GlyphConfig(
    int layers,
    int width,
    int heads,
    int headWidth,
    int hidden,
    int vocabulary,
    double normEps,
    int buckets,
    int maxDistance) {

  /**
   * Reads the configuration.
   *
   * @throws CheckpointException if a value is missing, out of range or not supported
   */
  static GlyphConfig read(ConfigFile file) {
    file.requireText("model_type", "t5");
    // The default would be relu without a gate.
    file.text("feed_forward_proj");
    file.requireText("feed_forward_proj", "gated-gelu");
    file.requireText("dense_act_fn", "gelu_new");
    file.warnOfOthersThatMatter(Set.of("layer_norm_epsilon"));
    int buckets = file.integer("relative_attention_num_buckets", 32);
    int maxDistance = file.integer("relative_attention_max_distance", 128);
    if (buckets < 4 || buckets % 4 != 0) {
      throw file.error(
          "relative_attention_num_buckets", buckets + " is not a positive multiple of 4");
    }
    if (maxDistance <= buckets / 4) {
      throw file.error(
          "relative_attention_max_distance",
          maxDistance + " must be above a quarter of the buckets, " + buckets / 4);
    }
    double eps = file.number("layer_norm_epsilon", 1e-6);
    if (!(eps > 0)) {
      throw file.error("layer_norm_epsilon", eps + " is not above 0");
    }
    return new GlyphConfig(
        file.sizeOrWarn("num_layers", 6),
        file.sizeOrWarn("d_model", 512),
        file.sizeOrWarn("num_heads", 8),
        file.sizeOrWarn("d_kv", 64),
        file.sizeOrWarn("d_ff", 2048),
        file.sizeOrWarn("vocab_size", 32_128),
        eps,
        buckets,
        maxDistance);
  }
}
