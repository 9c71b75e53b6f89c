package io.glmimage.model.prior;

import io.glmimage.kernel.DecodeAttention;
import io.glmimage.kernel.KernelProvider;
import io.glmimage.kernel.Linear;
import io.glmimage.kernel.RmsNormResidual;
import io.glmimage.kernel.RotaryCacheWrite;
import io.glmimage.kernel.Rows;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import io.glmimage.weights.Weights;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * The GLM text model, which continues a prompt with image tokens. Per layer: attention with grouped
 * key/value heads and a partial rotary embedding, then a gated MLP. Each stands between two RMS
 * norms; the second norm comes before the residual sum.
 *
 * <p>N tokens (of a prompt, or one per slot), D width, H query heads, G key/value heads, K codebook
 * ids, V vision vocabulary. Activations in the compute dtype; norms, softmax and rotation in
 * float32. Attention is causal throughout, also among image tokens.
 *
 * <p>Ported from transformers src/transformers/models/glm_image/modeling_glm_image.py,
 * GlmImageTextModel, GlmImageTextDecoderLayer and GlmImageTextAttention (5.17.0). Deviations:
 * query, key and value are one product; a residual sum and the next norm are one operation; logits
 * of codebook ids only.
 */
final class PriorDecoder {
  private final TextConfig config;
  private final RmsNormResidual norms;
  private final RotaryCacheWrite rotary;
  private final DecodeAttention decodeAttention;
  private final List<Layer> layers = new ArrayList<>();
  private final Tensor embedding;
  private final Tensor finalNorm;
  private final Tensor head;
  private final Tensor codebookHead;

  /** The weights of a layer. */
  private record Layer(
      Tensor inputNorm,
      Linear qkv,
      Linear output,
      Tensor attentionNorm,
      Tensor mlpInputNorm,
      Linear gateUp,
      Linear down,
      Tensor mlpNorm) {}

  /**
   * The positions of the tokens of one forward pass. In a decoding step only the first M tokens may
   * have a position; the other N - M are padding, and their hidden states have no meaning.
   *
   * @param cos {@code [N, R/2]} or {@code [M, R/2]} float32
   * @param sin {@code [N, R/2]} or {@code [M, R/2]} float32
   * @param cells {@code [N]} or {@code [M]} int64: slot * capacity + position
   * @param counts {@code [N]} or {@code [M]} int32, the tokens that each slot attends to in a
   *     decoding step; null for a prompt, whose N tokens attend to each other causally
   */
  record Place(Tensor cos, Tensor sin, Tensor cells, Tensor counts) {}

  PriorDecoder(TextConfig config, int codebook, Weights weights, KernelProvider kernels) {
    this.config = config;
    norms = kernels.rmsNormResidual();
    rotary = kernels.rotaryCacheWrite();
    decodeAttention = kernels.decodeAttention();
    int width = config.width();
    Weights model = weights.prefix("model.language_model.");
    embedding = model.get("embed_tokens.weight", config.vocabulary(), width);
    finalNorm = model.get("norm.weight", width);
    head = weights.get("lm_head.weight", config.visionVocabulary(), width);
    try (TensorScope scope = new TensorScope()) {
      // Only codebook ids are ever sampled, so the other rows are not multiplied.
      codebookHead = weights.adopt(head.narrow(0, 0, codebook));
    }
    for (int i = 0; i < config.layers(); i++) {
      layers.add(layer(model.prefix("layers." + i + "."), kernels));
    }
  }

  private Layer layer(Weights w, KernelProvider kernels) {
    int width = config.width();
    int inner = config.inner();
    int queries = config.attention().queryWidth();
    int keys = config.attention().keyWidth();
    try (TensorScope scope = new TensorScope()) {
      Tensor qkv =
          Ops.cat(
              0,
              w.read("self_attn.q_proj.weight", queries, width),
              w.read("self_attn.k_proj.weight", keys, width),
              w.read("self_attn.v_proj.weight", keys, width));
      Tensor bias = null;
      if (config.attention().bias()) {
        bias =
            Ops.cat(
                0,
                w.read("self_attn.q_proj.bias", queries),
                w.read("self_attn.k_proj.bias", keys),
                w.read("self_attn.v_proj.bias", keys));
      }
      return new Layer(
          w.get("input_layernorm.weight", width),
          Linear.of(w.compute(), kernels, qkv, bias, w::adopt),
          linear(w, "self_attn.o_proj.weight", queries, width, kernels),
          w.get("post_self_attn_layernorm.weight", width),
          w.get("post_attention_layernorm.weight", width),
          linear(w, "mlp.gate_up_proj.weight", width, 2L * inner, kernels),
          linear(w, "mlp.down_proj.weight", inner, width, kernels),
          w.get("post_mlp_layernorm.weight", width));
    }
  }

  private static Linear linear(
      Weights w, String name, long inputs, long outputs, KernelProvider kernels) {
    try (TensorScope scope = new TensorScope()) {
      return Linear.of(w.compute(), kernels, w.read(name, outputs, inputs), null, w::adopt);
    }
  }

  int layers() {
    return layers.size();
  }

  /** {@code [N] -> [N, D]}, a new tensor. */
  Tensor embed(Tensor ids) {
    return embedding.index_select(0, ids);
  }

  /** The first layer's input: {@code [N, D] -> [N, D]}. */
  Tensor firstNorm(Tensor embedded) {
    return norms.norm(embedded, layers.get(0).inputNorm(), config.eps());
  }

  /**
   * A decoding step, all layers and the final norm: {@code [N] ids -> [N, D]}. Writes the keys and
   * values of the tokens into the cache.
   */
  Tensor step(Tensor ids, Place place, KvCache cache) {
    try (TensorScope scope = new TensorScope()) {
      Tensor residual = embed(ids);
      return scope.keep(layers(layers.size(), residual, place, cache));
    }
  }

  /**
   * A prompt, all layers and the final norm. Writes the keys and values of the tokens into the
   * cache.
   *
   * @param ids {@code [N]}
   * @return {@code [1, D]}, of the last token. The last layer continues with it alone
   */
  Tensor prompt(Tensor ids, Place place, KvCache cache) {
    try (TensorScope scope = new TensorScope()) {
      int end = layers.size() - 1;
      Tensor residual = embed(ids);
      Tensor normed = layers(end, residual, place, cache);
      Tensor attended = attention(end, normed, place, cache);
      long last = ids.size(0) - 1;
      return scope.keep(mlp(end, residual.narrow(0, last, 1), attended.narrow(0, last, 1)));
    }
  }

  /** The first {@code count} layers; see {@link #layer}. */
  private Tensor layers(int count, Tensor residual, Place place, KvCache cache) {
    try (TensorScope scope = new TensorScope()) {
      Tensor normed = firstNorm(residual);
      for (int i = 0; i < count; i++) {
        Tensor next = layer(i, residual, normed, place, cache);
        // The activations of a long prompt are large: keep those of one layer only.
        normed.close();
        normed = next;
      }
      return scope.keep(normed);
    }
  }

  /**
   * One layer.
   *
   * @param residual {@code [N, D]}: the hidden states before the layer; after it, on return
   * @param normed {@code [N, D]}: the same, normalised by the layer's first norm
   * @return {@code [N, D]}: the hidden states after the layer, normalised by the first norm of the
   *     next layer or by the final norm
   */
  Tensor layer(int index, Tensor residual, Tensor normed, Place place, KvCache cache) {
    try (TensorScope scope = new TensorScope()) {
      return scope.keep(mlp(index, residual, attention(index, normed, place, cache)));
    }
  }

  /** Writes keys and values into the cache and attends to them: {@code [N, D] -> [N, W]}. */
  private Tensor attention(int index, Tensor normed, Place place, KvCache cache) {
    int heads = config.attention().heads();
    try (TensorScope scope = new TensorScope()) {
      Tensor qkv = layers.get(index).qkv().apply(normed);
      Tensor keys = cache.keys(index);
      Tensor values = cache.values(index);
      Tensor placed = qkv.narrow(0, 0, place.cells().size(0));
      rotary.rotateAndWrite(placed, heads, place.cos(), place.sin(), place.cells(), keys, values);
      return scope.keep(
          place.counts() == null
              ? causalAttention(placed)
              : padded(
                  decodeAttention.attend(placed, heads, keys, values, place.counts()),
                  qkv.size(0)));
    }
  }

  /**
   * From attention to the end of the layer, for L of its tokens.
   *
   * @param residual {@code [L, D]}, updated in place
   * @param attended {@code [L, W]}
   * @return {@code [L, D]}, as of {@link #layer}
   */
  private Tensor mlp(int index, Tensor residual, Tensor attended) {
    Layer w = layers.get(index);
    Tensor nextNorm = index + 1 < layers.size() ? layers.get(index + 1).inputNorm() : finalNorm;
    try (TensorScope scope = new TensorScope()) {
      Tensor mlpInput =
          norms.addThenNorm(
              residual,
              w.output().apply(attended),
              w.attentionNorm(),
              w.mlpInputNorm(),
              config.eps());
      Rows gated = w.gateUp().siluMul(mlpInput);
      return scope.keep(
          norms.addThenNorm(residual, w.down().apply(gated), w.mlpNorm(), nextNorm, config.eps()));
    }
  }

  /** {@code [M, W] -> [N, W]}; the rows of padding have any values. */
  private static Tensor padded(Tensor x, long rows) {
    if (x.size(0) == rows) {
      return x;
    }
    Tensor out = x.new_empty(rows, x.size(1));
    out.narrow(0, 0, x.size(0)).copy_(x);
    return out;
  }

  /** {@code [P, (H + 2 G) headDim] -> [P, H headDim]} */
  private Tensor causalAttention(Tensor qkv) {
    int heads = config.attention().heads();
    int kvHeads = config.attention().kvHeads();
    Tensor attended =
        Ops.attention(
            heads(qkv, 0, heads),
            heads(qkv, heads, kvHeads),
            heads(qkv, heads + kvHeads, kvHeads),
            null,
            /* causal= */ true,
            /* grouped= */ kvHeads != heads);
    // [1, H, P, headDim] -> [P, H headDim]
    return attended.transpose(1, 2).reshape(qkv.size(0), config.attention().queryWidth());
  }

  /** Heads {@code first .. first + count} of all rows: {@code -> [1, count, P, headDim]} */
  private Tensor heads(Tensor qkv, int first, int count) {
    int headDim = config.attention().headDim();
    return qkv.narrow(1, (long) first * headDim, (long) count * headDim)
        .view(1, qkv.size(0), count, headDim)
        .transpose(1, 2);
  }

  /** Logits of the whole vision vocabulary: {@code [N, D] -> [N, V]}. For parity tests. */
  Tensor logits(Tensor hidden) {
    return Ops.linear(hidden, head, null);
  }

  /** Logits of the codebook ids: {@code [N, D] -> [N, K]}. */
  Tensor codebookLogits(Tensor hidden) {
    return Ops.linear(hidden, codebookHead, null);
  }
}
