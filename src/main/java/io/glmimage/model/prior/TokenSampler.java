package io.glmimage.model.prior;

import io.glmimage.kernel.SamplingSettings;
import io.glmimage.kernel.TokenSampling;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.Philox;
import io.glmimage.weights.ConfigFile;
import org.bytedeco.pytorch.Tensor;

/**
 * Draws image tokens: temperature, then top_k, then top_p, in float32, then the inverse of the
 * cumulative distribution in ascending order of ids at a uniform number. Number i of a row, counted
 * over all its generated tokens, is {@code Philox(seed, STREAM).uniform(i)}: a row's tokens depend
 * on its prompt and its seed alone.
 */
final class TokenSampler {
  /** Keeps these numbers apart from the seed's other uses. */
  static final int STREAM = 0x5052494F;

  /** What the reference's generation takes where the file names no top_k. */
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
      throw new io.glmimage.error.CheckpointException(
          "Cannot load model: " + file.file() + ": " + e.getMessage(), e);
    }
  }

  /**
   * The row's uniform numbers for tokens 0 to {@code count}: {@code [count]} float32 on the CPU.
   */
  Tensor uniforms(long seed, int count) {
    Philox random = new Philox(seed, STREAM);
    float[] u = new float[count];
    for (int i = 0; i < count; i++) {
      u[i] = random.uniform(i);
    }
    return Ops.of(u, count);
  }

  /**
   * @param logits [N, K]
   * @param uniforms [N]
   * @param ids [N] int64; written in place
   */
  void sample(Tensor logits, Tensor uniforms, Tensor ids) {
    sampling.sample(logits, uniforms, settings, ids);
  }
}
