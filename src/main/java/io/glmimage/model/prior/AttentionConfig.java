package io.glmimage.model.prior;

import io.glmimage.weights.ConfigFile;

/**
 * The attention of the text model.
 *
 * @param heads H, query heads
 * @param kvHeads G, key/value heads, a divisor of H
 * @param headDim width of a head
 * @param bias whether the query, key and value projections have a bias
 */
record AttentionConfig(int heads, int kvHeads, int headDim, boolean bias) {
  /** The reference's default if the file does not have the key; null means as many as heads. */
  private static final int KV_HEADS_DEFAULT = 2;

  /** The reference's default for the width of the model. */
  static final int WIDTH_DEFAULT = 4096;

  static AttentionConfig read(ConfigFile file) {
    int heads = file.sizeOrWarn("num_attention_heads", 32);
    int kvHeads =
        file.integer(
            "num_key_value_heads", file.names("num_key_value_heads") ? heads : KV_HEADS_DEFAULT);
    if (kvHeads < 1 || heads % kvHeads != 0) {
      throw file.error("num_key_value_heads", kvHeads + " does not divide " + heads + " heads");
    }
    int headDim = file.integer("head_dim", file.size("hidden_size", WIDTH_DEFAULT) / heads);
    return new AttentionConfig(heads, kvHeads, headDim, file.flag("attention_bias", true));
  }

  /** Width of all query heads. */
  int queryWidth() {
    return heads * headDim;
  }

  /** Width of all key heads, or of all value heads. */
  int keyWidth() {
    return kvHeads * headDim;
  }
}
