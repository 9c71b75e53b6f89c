package io.glmimage.model.prior;

import static java.util.Map.entry;

import io.glmimage.error.CheckpointException;
import io.glmimage.kernel.SamplingSettings;
import io.glmimage.kernel.TokenSampling;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.Philox;
import io.glmimage.weights.CheckpointFolder;
import io.glmimage.weights.ConfigFile;
import java.nio.file.Files;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/**
 * Draws image tokens: temperature, then top_k, then top_p, in float32. A uniform number then
 * selects the id by the inverse of the cumulative distribution, in ascending order of ids. The
 * number for generated token i of a row is {@code Philox(seed, STREAM).uniform(i)}, so a row's
 * tokens depend only on its prompt and its seed.
 *
 * <p>N rows, K codebook ids.
 *
 * <p>Ported from transformers src/transformers/generation/logits_process.py, the temperature, top_k
 * and top_p warpers (5.17.0). Deviation: the random numbers, as above.
 */
final class TokenSampler {
  /** Separates these numbers from the seed's other uses. */
  static final int STREAM = 0x5052494F;

  /** The reference's default if the file has no top_k. */
  static final int TOP_K_DEFAULT = 50;

  private final TokenSampling sampling;
  private final SamplingSettings settings;

  TokenSampler(TokenSampling sampling, SamplingSettings settings) {
    this.sampling = sampling;
    this.settings = settings;
  }

  private static final String FILE = "vision_language_encoder/generation_config.json";

  /**
   * Settings of transformers that would change which tokens are drawn, with the values that switch
   * them off. An end token, sampling itself and the lengths are given by the task.
   */
  private static final Map<String, Double> OTHERS =
      Map.ofEntries(
          entry("repetition_penalty", 1.0),
          entry("encoder_repetition_penalty", 1.0),
          entry("no_repeat_ngram_size", 0.0),
          entry("encoder_no_repeat_ngram_size", 0.0),
          entry("min_p", 0.0),
          entry("top_h", 0.0),
          entry("typical_p", 1.0),
          entry("epsilon_cutoff", 0.0),
          entry("eta_cutoff", 0.0),
          entry("num_beams", 1.0),
          entry("num_beam_groups", 1.0),
          entry("penalty_alpha", 0.0),
          entry("guidance_scale", 1.0),
          entry("bad_words_ids", 0.0),
          entry("suppress_tokens", 0.0),
          entry("begin_suppress_tokens", 0.0),
          entry("forced_bos_token_id", 0.0),
          entry("sequence_bias", 0.0),
          entry("remove_invalid_values", 0.0),
          entry("watermarking_config", 0.0));

  /**
   * The settings of {@code generation_config.json}; as in the reference, all are the defaults if
   * the file is missing.
   */
  static SamplingSettings settings(CheckpointFolder folder) {
    if (!Files.exists(folder.file(FILE))) {
      folder.warn(
          folder.file(FILE)
              + " is missing: as in the reference, image tokens are drawn with temperature 1, top_k "
              + TOP_K_DEFAULT
              + " and top_p 1; the published model has 0.9, 16512 and 0.75");
      return new SamplingSettings(1, TOP_K_DEFAULT, 1);
    }
    ConfigFile file = folder.config(FILE);
    OTHERS.forEach(file::warnUnless);
    return settings(file);
  }

  private static SamplingSettings settings(ConfigFile file) {
    double temperature = file.number("temperature", 1);
    int topK = file.integer("top_k", TOP_K_DEFAULT);
    double topP = file.number("top_p", 1);
    try {
      return new SamplingSettings(temperature, topK, topP);
    } catch (IllegalArgumentException e) {
      throw new CheckpointException("Cannot load model: " + file.file() + ": " + e.getMessage(), e);
    }
  }

  /** The uniform numbers of a row's first tokens: {@code [count]} float32 on the CPU. */
  Tensor uniforms(long seed, int count) {
    Philox random = new Philox(seed, STREAM);
    float[] u = new float[count];
    for (int i = 0; i < count; i++) {
      u[i] = random.uniform(i);
    }
    return Ops.of(u, count);
  }

  /**
   * Draws one id per row.
   *
   * @param logits {@code [N, K]}
   * @param uniforms {@code [N]} float32
   * @param ids {@code [N]} int64; overwritten
   */
  void sample(Tensor logits, Tensor uniforms, Tensor ids) {
    sampling.sample(logits, uniforms, settings, ids);
  }
}
