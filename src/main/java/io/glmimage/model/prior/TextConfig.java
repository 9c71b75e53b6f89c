package io.glmimage.model.prior;

import io.glmimage.weights.ConfigFile;
import java.util.Set;

/**
 * {@code text_config}: the sizes of the text model.
 *
 * @param layers number of layers
 * @param width D
 * @param inner I, the width inside the MLP
 * @param eps of the RMS norms
 * @param vocabulary number of ids that can be read
 * @param visionVocabulary number of ids that have logits
 */
record TextConfig(
    int layers,
    int width,
    int inner,
    AttentionConfig attention,
    RotaryConfig rotary,
    double eps,
    int vocabulary,
    int visionVocabulary) {

  /** The settings that this program knows, among those whose names say that they matter. */
  private static final Set<String> KNOWN =
      Set.of(
          "rms_norm_eps",
          "attention_bias",
          "rope_parameters",
          "rope_scaling",
          "rope_theta",
          "partial_rotary_factor");

  static TextConfig read(ConfigFile file) {
    file.requireText("hidden_act", "silu");
    file.warnOfOthersThatMatter(KNOWN);
    AttentionConfig attention = AttentionConfig.read(file);
    return new TextConfig(
        file.sizeOrWarn("num_hidden_layers", 40),
        file.sizeOrWarn("hidden_size", AttentionConfig.WIDTH_DEFAULT),
        file.sizeOrWarn("intermediate_size", 13_696),
        attention,
        RotaryConfig.read(file, attention.headDim()),
        file.number("rms_norm_eps", 1e-5),
        file.sizeOrWarn("vocab_size", 168_064),
        file.sizeOrWarn("vision_vocab_size", 16_512));
  }
}
