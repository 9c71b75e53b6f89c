package io.glmimage.model.glyph;

import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import io.glmimage.weights.Weights;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * One T5 encoder block, {@code [1, S, E] -> [1, S, E]}: self-attention and gated feed-forward. Each
 * follows an RMS norm and is added to its input. H heads of width D. Projections have no bias, and
 * scores are not scaled.
 *
 * <p>Ported from transformers src/transformers/models/t5/modeling_t5.py, T5Block with
 * T5LayerSelfAttention and T5LayerFF (5.17.0). Deviations: none.
 */
final class GlyphBlock {
  private final GlyphConfig config;
  private final Tensor attentionNorm;
  private final Tensor query;
  private final Tensor key;
  private final Tensor value;
  private final Tensor attentionOut;
  private final Tensor feedForwardNorm;
  private final Tensor gate;
  private final Tensor up;
  private final Tensor down;

  GlyphBlock(Weights weights, GlyphConfig config) {
    this.config = config;
    int width = config.width();
    int inner = config.heads() * config.headWidth();
    Weights attention = weights.prefix("layer.0.SelfAttention.");
    attentionNorm = weights.get("layer.0.layer_norm.weight", width);
    query = attention.get("q.weight", inner, width);
    key = attention.get("k.weight", inner, width);
    value = attention.get("v.weight", inner, width);
    attentionOut = attention.get("o.weight", width, inner);
    Weights feedForward = weights.prefix("layer.1.DenseReluDense.");
    feedForwardNorm = weights.get("layer.1.layer_norm.weight", width);
    gate = feedForward.get("wi_0.weight", config.hidden(), width);
    up = feedForward.get("wi_1.weight", config.hidden(), width);
    down = feedForward.get("wo.weight", width, config.hidden());
  }

  /**
   * Runs the block.
   *
   * @param bias relative position bias {@code [1, H, S, S]}
   */
  Tensor forward(Tensor x, Tensor bias) {
    try (TensorScope scope = new TensorScope()) {
      Tensor h = x.add(attention(Ops.rmsNorm(x, attentionNorm, config.normEps()), bias));
      return scope.keep(h.add(feedForward(Ops.rmsNorm(h, feedForwardNorm, config.normEps()))));
    }
  }

  private Tensor attention(Tensor x, Tensor bias) {
    Tensor attended =
        Ops.scaledAttention(
            heads(Ops.linear(x, query, null)),
            heads(Ops.linear(x, key, null)),
            heads(Ops.linear(x, value, null)),
            bias,
            /* scale= */ 1.0);
    // [1, H, S, D] -> [1, S, H D]
    return Ops.linear(attended.transpose(1, 2).flatten(2, 3), attentionOut, null);
  }

  private Tensor heads(Tensor x) {
    // [1, S, H D] -> [1, H, S, D]
    return x.unflatten(2, config.heads(), config.headWidth()).transpose(1, 2);
  }

  private Tensor feedForward(Tensor x) {
    Tensor gated = torch.gelu(Ops.linear(x, gate, null), "tanh").mul(Ops.linear(x, up, null));
    return Ops.linear(gated, down, null);
  }
}
