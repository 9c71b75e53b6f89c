package io.glmimage.model.glyph;

import io.glmimage.error.CheckpointException;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import io.glmimage.weights.CheckpointFolder;
import io.glmimage.weights.Weights;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * The quoted texts of a prompt as embeddings ({@code tokenizer} and {@code text_encoder} of a
 * checkpoint). S positions of all texts together, E the width. Computes in the dtype of {@link
 * Compute}; norms and softmax have float32 statistics.
 *
 * <p>Every text goes through the encoder alone. The reference runs the texts of a prompt as one
 * padded batch with a mask, which comes to the same. If the number of texts is even, it puts a pad
 * id in front of each, and so does this class: the model was used like that.
 *
 * <p>Ported from transformers' {@code T5EncoderModel} and the glyph part of diffusers' GLM-Image
 * pipeline. Deviations: none. Threads may share it, one is served at a time.
 */
public final class GlyphEncoder implements AutoCloseable {
  /** The pipeline's limit of one text, in ids, without the pad in front; longer texts are cut. */
  static final int MAX_LENGTH = 2048;

  /** How many prompts' embeddings are kept, besides that of prompts without a text. */
  static final int KEPT_PROMPTS = 32;

  /** Embeddings of more positions are not kept: 32 of them are at most 100 MB of bfloat16. */
  static final int KEPT_POSITIONS = 1024;

  private static final List<String> NO_TEXT = List.of("");

  private final Weights weights;
  private final GlyphConfig config;
  private final ByT5Tokenizer tokenizer;
  private final Tensor embedding;
  private final RelativePositionBias positionBias;
  private final List<GlyphBlock> blocks = new ArrayList<>();
  private final Tensor finalNorm;

  /** By texts, least recently used first; holds one reference to each tensor. */
  private final Map<List<String>, Tensor> kept =
      new LinkedHashMap<>(16, 0.75f, /* accessOrder= */ true);

  /** Of a prompt without a text: every unconditional pass needs it. Null before its first use. */
  private Tensor noText;

  private GlyphEncoder(Weights weights, GlyphConfig config, ByT5Tokenizer tokenizer) {
    this.weights = weights;
    this.config = config;
    this.tokenizer = tokenizer;
    embedding = weights.get("shared.weight", config.vocabulary(), config.width());
    Weights encoder = weights.prefix("encoder.");
    positionBias =
        new RelativePositionBias(
            encoder.get(
                "block.0.layer.0.SelfAttention.relative_attention_bias.weight",
                config.buckets(),
                config.heads()),
            config.buckets(),
            config.maxDistance(),
            weights.compute());
    for (int i = 0; i < config.layers(); i++) {
      blocks.add(new GlyphBlock(encoder.prefix("block." + i + "."), config));
    }
    finalNorm = encoder.get("final_layer_norm.weight", config.width());
  }

  /**
   * @throws CheckpointException if a configuration or the weights are missing, damaged, do not fit
   *     each other, or are of an architecture that this program does not know
   */
  public static GlyphEncoder load(CheckpointFolder folder, Compute compute) {
    GlyphConfig config = GlyphConfig.read(folder.config("text_encoder/config.json"));
    ByT5Tokenizer tokenizer = ByT5Tokenizer.load(folder);
    if (tokenizer.ids() > config.vocabulary()) {
      throw new CheckpointException(
          "Cannot load model: "
              + folder.file("tokenizer")
              + " gives ids up to "
              + (tokenizer.ids() - 1)
              + ", but vocab_size of "
              + folder.file("text_encoder/config.json")
              + " is "
              + config.vocabulary());
    }
    Weights weights = folder.weights("text_encoder", compute);
    try {
      GlyphEncoder encoder = new GlyphEncoder(weights, config, tokenizer);
      // Some writers store the shared embedding a second time.
      List<String> unused =
          weights.unused().stream()
              .filter(name -> !name.equals("encoder.embed_tokens.weight"))
              .toList();
      if (!unused.isEmpty()) {
        throw new CheckpointException(
            "Cannot load model: "
                + folder.file("text_encoder")
                + " has "
                + unused.size()
                + " tensor(s) that its config.json has no place for, such as "
                + unused.get(0));
      }
      return encoder;
    } catch (RuntimeException e) {
      weights.close();
      throw e;
    }
  }

  /** E. */
  public int width() {
    return config.width();
  }

  /**
   * The embeddings of the quoted texts of {@code prompt}, joined in the order of {@link
   * GlyphTexts#extract}; those of one empty text if it quotes nothing.
   *
   * @return {@code [S, E]} in the compute dtype on the device, S at least 1; it belongs to the
   *     caller's scope, and its memory may be shared with later calls: don't write to it
   */
  public Tensor embed(String prompt) {
    List<String> texts = GlyphTexts.extract(prompt);
    return texts.isEmpty() ? embedNothing() : embed(texts);
  }

  /**
   * The embedding of a prompt without a text, which an unconditional pass takes: {@code [1, E]},
   * computed once. Otherwise as {@link #embed(String)}.
   */
  public synchronized Tensor embedNothing() {
    if (noText == null) {
      try (TensorScope scope = new TensorScope()) {
        noText = retained(encode(NO_TEXT, MAX_LENGTH));
      }
    }
    return new Tensor(noText);
  }

  private synchronized Tensor embed(List<String> texts) {
    Tensor known = kept.get(texts);
    if (known != null) {
      return new Tensor(known);
    }
    try (TensorScope scope = new TensorScope()) {
      Tensor embeds = encode(texts, MAX_LENGTH);
      if (embeds.size(0) <= KEPT_POSITIONS) {
        kept.put(texts, retained(new Tensor(embeds)));
        forgetOldest();
      }
      return scope.keep(embeds);
    }
  }

  private void forgetOldest() {
    Iterator<Tensor> oldest = kept.values().iterator();
    while (kept.size() > KEPT_PROMPTS) {
      oldest.next().releaseReference();
      oldest.remove();
    }
  }

  /** How many prompts' embeddings are held. */
  synchronized int keptPrompts() {
    return kept.size();
  }

  private static Tensor retained(Tensor t) {
    t.retainReference();
    return t;
  }

  /**
   * @param maxLength of one text's ids, without the pad in front
   * @return {@code [S, E]}
   */
  Tensor encode(List<String> texts, int maxLength) {
    try (TensorScope scope = new TensorScope()) {
      List<Tensor> embeds = new ArrayList<>();
      for (int[] ids : ids(texts, maxLength)) {
        embeds.add(forward(ids));
      }
      return scope.keep(Ops.cat(0, embeds));
    }
  }

  /** The ids of each text as the encoder sees them. */
  List<int[]> ids(List<String> texts, int maxLength) {
    List<int[]> all = new ArrayList<>();
    boolean padInFront = texts.size() % 2 == 0;
    for (String text : texts) {
      int[] ids = tokenizer.encode(text, maxLength);
      if (padInFront) {
        int[] padded = new int[ids.length + 1];
        padded[0] = ByT5Tokenizer.PAD;
        System.arraycopy(ids, 0, padded, 1, ids.length);
        ids = padded;
      }
      all.add(ids);
    }
    return all;
  }

  /** One text: S ids to {@code [S, E]}. */
  Tensor forward(int[] ids) {
    try (TensorScope scope = new TensorScope()) {
      Tensor device = Ops.to(Ops.of(ids, ids.length), weights.compute(), ScalarType.Long);
      // [S, E] -> [1, S, E]
      Tensor h = embedding.index_select(0, device).unsqueeze(0);
      Tensor bias = positionBias.forward(ids.length, ids.length);
      for (GlyphBlock block : blocks) {
        h = scope.replace(h, block.forward(h, bias));
      }
      // [1, S, E] -> [S, E]
      return scope.keep(Ops.rmsNorm(h, finalNorm, config.normEps()).squeeze(0));
    }
  }

  /** {@code [1, H, Q, K]}. */
  Tensor relativePositionBias(int queries, int keys) {
    return positionBias.forward(queries, keys);
  }

  /** Frees the weights and the kept embeddings. */
  @Override
  public synchronized void close() {
    kept.values().forEach(Tensor::releaseReference);
    kept.clear();
    if (noText != null) {
      noText.releaseReference();
      noText = null;
    }
    weights.close();
  }
}
