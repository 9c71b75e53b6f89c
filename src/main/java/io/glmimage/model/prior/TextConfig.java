package io.glmimage.model.prior;

import io.glmimage.weights.ConfigFile;

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

  static TextConfig read(ConfigFile file) {
    file.requireText("hidden_act", "silu");
    AttentionConfig attention = AttentionConfig.read(file);
    return new TextConfig(
        file.size("num_hidden_layers"),
        file.size("hidden_size"),
        file.size("intermediate_size"),
        attention,
        RotaryConfig.read(file.object("rope_parameters"), attention.headDim()),
        file.number("rms_norm_eps", 1e-5),
        file.size("vocab_size"),
        file.size("vision_vocab_size"));
  }
}
