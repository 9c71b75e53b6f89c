package io.glmimage.bench;

import io.glmimage.model.prior.PriorOptions;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Precision;
import io.glmimage.weights.CheckpointFolder;
import io.glmimage.weights.ConfigFile;

/**
 * The least time, in seconds, that the device needs for the parts of an edit. For the DiT and for
 * prompts of the prior it is floating-point operations over peak throughput, for decoding steps
 * bytes of weights over memory bandwidth. D width of the DiT.
 */
final class Floors {
  /** Glyph tokens of the synthetic prompt, roughly. */
  private static final double GLYPH_TOKENS = 32;

  private final ConfigFile dit;
  private final ConfigFile text;
  private final ConfigFile vision;
  private final Compute compute;
  private final BenchSettings settings;

  Floors(CheckpointFolder folder, Compute compute, BenchSettings settings) {
    this.compute = compute;
    this.settings = settings;
    dit = folder.config("transformer/config.json");
    ConfigFile prior = folder.config("vision_language_encoder/config.json");
    text = prior.object("text_config");
    vision = prior.object("vision_config");
  }

  /** One branch of a denoising step. */
  double branch(int sources) {
    double tokens = 4.0 * settings.grid().size();
    double width = (double) dit.size("num_attention_heads") * dit.size("attention_head_dim");
    // Per token and layer, 12 D^2 multiply-adds: 3 for query, key, value, 1 out, 8 in the MLP.
    double products = 2 * 12 * width * width * (tokens + GLYPH_TOKENS);
    // Scores and weighted values: 2 multiply-adds per pair of tokens and element.
    double attention =
        4 * (tokens + GLYPH_TOKENS) * (tokens * (1 + sources) + GLYPH_TOKENS) * width;
    // Matrix units multiply e4m3 twice as fast as bfloat16, in layers and in attention.
    double rate = fp8() ? 2 : 1;
    return dit.size("num_layers")
        * (products + attention)
        / (rate * settings.peak().teraflops() * 1e12);
  }

  /** A denoising step with both branches; only the conditional one sees the sources. */
  double guidedStep() {
    return branch(0) + branch(settings.sources());
  }

  /** The vision tower over the source images of one row. */
  double sourceTokens() {
    double patches = settings.grid().size();
    double width = vision.size("hidden_size");
    double products = 2 * width * (4 * width + 2.0 * vision.size("intermediate_size")) * patches;
    double attention = 4 * patches * patches * width;
    return settings.sources()
        * vision.size("depth")
        * (products + attention)
        / (settings.peak().teraflops() * 1e12);
  }

  /** The prompt of one row, with the vision tower. */
  double prefill() {
    // A start and an end token around each source, and the start token of the target.
    double tokens = settings.sources() * (settings.grid().size() + 2.0) + settings.textTokens() + 1;
    double products = 2 * weightsOfALayer() * tokens;
    // Causal: half of the pairs of tokens. Not in e4m3.
    double attention = 2 * tokens * tokens * text.size("num_attention_heads") * headDim();
    double rate = fp8() ? 2 : 1;
    return sourceTokens()
        + text.size("num_hidden_layers")
            * (products / rate + attention)
            / (settings.peak().teraflops() * 1e12);
  }

  /** A decoding step of the prior, which reads all weights once, whatever the batch. */
  double decodeStep() {
    int bytes = compute.isCuda() ? 2 : 4;
    double all =
        text.size("num_hidden_layers") * weightsOfALayer() * (fp8() ? 1 : bytes)
            + (double) text.size("hidden_size") * text.size("vision_vocab_size") * bytes;
    return all / (settings.peak().terabytes() * 1e12);
  }

  /** Weights of the linear layers in a layer of the prior decoder. */
  private double weightsOfALayer() {
    double width = text.size("hidden_size");
    double heads = text.size("num_attention_heads");
    double attention = width * headDim() * (2 * heads + 2.0 * text.size("num_key_value_heads"));
    return attention + 3 * width * text.size("intermediate_size");
  }

  private double headDim() {
    return text.integer("head_dim", text.size("hidden_size") / text.size("num_attention_heads"));
  }

  /** The prior tokens of one image of the end-to-end measurement. */
  double priorPerImage(int newTokens) {
    double rounds = Math.ceil(settings.edits() / (double) PriorOptions.defaults(compute).slots());
    return rounds * newTokens * decodeStep() / settings.edits();
  }

  /** One image of the end-to-end measurement. */
  double edit(int newTokens, int reusedSteps) {
    double step = settings.guidance() > 1 ? guidedStep() : branch(settings.sources());
    return (settings.steps() - reusedSteps) * step + priorPerImage(newTokens);
  }

  private boolean fp8() {
    return compute.precision() == Precision.FP8;
  }
}
