package io.glmimage.model.prior;

import io.glmimage.weights.ConfigFile;
import java.util.Arrays;

/**
 * {@code text_config}: the sizes of the decoder.
 *
 * @param layers number of layers
 * @param width D
 * @param inner I, the width inside the MLP
 * @param heads H
 * @param kvHeads G, a divisor of H
 * @param headDim width of a head
 * @param rotaryWidth R, the part of a head that is rotated
 * @param sections frequencies of each rotary section
 * @param base of the rotary frequencies
 * @param eps of the RMS norms
 * @param vocabulary ids that can be read
 * @param visionVocabulary ids that have logits
 * @param bias whether the query, key and value projections have one
 */
record TextConfig(
    int layers,
    int width,
    int inner,
    int heads,
    int kvHeads,
    int headDim,
    int rotaryWidth,
    int[] sections,
    double base,
    double eps,
    int vocabulary,
    int visionVocabulary,
    boolean bias) {

  static TextConfig read(ConfigFile file) {
    file.requireText("hidden_act", "silu");
    ConfigFile rope = file.object("rope_parameters");
    rope.requireText("rope_type", "default");
    int heads = file.size("num_attention_heads");
    int kvHeads = file.integer("num_key_value_heads", heads);
    if (kvHeads < 1 || heads % kvHeads != 0) {
      throw file.error("num_key_value_heads", kvHeads + " does not divide " + heads + " heads");
    }
    int width = file.size("hidden_size");
    int headDim = file.integer("head_dim", width / heads);
    int rotaryWidth = (int) (headDim * rope.number("partial_rotary_factor", 1));
    int[] sections =
        rope.has("mrope_section") ? rope.integers("mrope_section") : new int[] {8, 12, 12};
    if (rotaryWidth % 2 != 0
        || rotaryWidth > headDim
        || Arrays.stream(sections).sum() != rotaryWidth / 2) {
      throw rope.error(
          "mrope_section",
          Arrays.toString(sections) + " does not add up to half the rotated width " + rotaryWidth);
    }
    return new TextConfig(
        file.size("num_hidden_layers"),
        width,
        file.size("intermediate_size"),
        heads,
        kvHeads,
        headDim,
        rotaryWidth,
        sections,
        rope.number("rope_theta"),
        file.number("rms_norm_eps", 1e-5),
        file.size("vocab_size"),
        file.size("vision_vocab_size"),
        file.flag("attention_bias", true));
  }
}
