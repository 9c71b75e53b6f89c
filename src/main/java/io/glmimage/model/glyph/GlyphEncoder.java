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
 * <p>Every text goes through the encoder alone. If the number of texts is even, each gets a pad id
 * in front: a quirk of the reference, kept so that the values agree.
 *
 * <p>Ported from transformers src/transformers/models/t5/modeling_t5.py, T5EncoderModel (5.17.0),
 * and diffusers src/diffusers/pipelines/glm_image/pipeline_glm_image.py, the glyph embeddings
 * (commit 58eb52c). Deviation: the reference runs the texts of a prompt as one padded batch with a
 * mask, which gives the same values.
 *
 * <p>Not thread-safe: callers take turns.
 */
public final class GlyphEncoder implements AutoCloseable {
  /** The limit for one text, in ids without the pad in front. Longer texts are cut. */
  static final int MAX_LENGTH = 2048;

  /** Number of prompts whose embeddings are kept, not counting that of a prompt without texts. */
  static final int KEPT_PROMPTS = 32;

  /** Longer embeddings are not kept. 32 of this length take 100 MB in bfloat16. */
  static final int KEPT_POSITIONS = 1024;

  private static final List<String> NO_TEXT = List.of("");

  private final Weights weights;
  private final GlyphConfig config;
  private final ByT5Tokenizer tokenizer;
  private final Tensor embedding;
  private final RelativePositionBias positionBias;
  private final List<GlyphBlock> blocks = new ArrayList<>();
  private final Tensor finalNorm;

  /** Embeddings by texts, least recently used first. Holds one reference to each tensor. */
  private final Map<List<String>, Tensor> kept =
      new LinkedHashMap<>(16, 0.75f, /* accessOrder= */ true);

  /** The embedding of a prompt without texts; null until the first use. */
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
   * Loads tokenizer and encoder.
   *
   * @throws CheckpointException if configuration or weights are missing or damaged, do not fit each
   *     other, or have an unsupported architecture
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
      weights.warnOfUnused();
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
   * The embeddings of the quoted texts of a prompt, joined in the order of {@link
   * GlyphTexts#extract}. A prompt without quotes counts as one empty text.
   *
   * @return {@code [S, E]} in the compute dtype on the device, S at least 1, of the caller's scope.
   *     Later calls may share its memory, so it must not be written to
   */
  public Tensor embed(String prompt) {
    List<String> texts = GlyphTexts.extract(prompt);
    return texts.isEmpty() ? embedNothing() : embed(texts);
  }

  /**
   * The embedding of a prompt without texts, {@code [1, E]}, computed once. Every unconditional
   * branch uses it. Otherwise as {@link #embed(String)}.
   */
  public Tensor embedNothing() {
    if (noText == null) {
      try (TensorScope scope = new TensorScope()) {
        noText = retained(encode(NO_TEXT, MAX_LENGTH));
      }
    }
    return new Tensor(noText);
  }

  private Tensor embed(List<String> texts) {
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

  /** Number of prompts whose embeddings are kept. */
  int keptPrompts() {
    return kept.size();
  }

  private static Tensor retained(Tensor t) {
    t.retainReference();
    return t;
  }

  /**
   * Encodes texts without keeping the result.
   *
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

  /** The ids of each text as the encoder reads them. */
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

  /** Encodes one text: S ids to {@code [S, E]}. */
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

  /** The bias {@code [1, H, Q, K]}. For parity tests. */
  Tensor relativePositionBias(int queries, int keys) {
    return positionBias.forward(queries, keys);
  }

  /** Frees the weights and the kept embeddings. */
  @Override
  public void close() {
    kept.values().forEach(Tensor::releaseReference);
    kept.clear();
    if (noText != null) {
      noText.releaseReference();
      noText = null;
    }
    weights.close();
  }
}
