package io.glmimage.model.prior;

import io.glmimage.error.CheckpointException;
import io.glmimage.kernel.SamplingSettings;
import io.glmimage.kernel.TokenSampling;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.Philox;
import io.glmimage.weights.ConfigFile;
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

  /** The settings of a {@code generation_config.json}. */
  static SamplingSettings settings(ConfigFile file) {
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
