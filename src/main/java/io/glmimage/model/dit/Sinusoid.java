package io.glmimage.model.dit;

import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import org.bytedeco.pytorch.Tensor;

/**
 * Sinusoidal embedding of numbers, cosines first: {@code [cos(x f_0) .. cos(x f_n-1), sin(x f_0) ..
 * sin(x f_n-1)]} with {@code f_i = 10000^(-i / n)}. Computed in float32 on the CPU: arguments reach
 * thousands, so the last bit of a frequency is visible in the result.
 *
 * <p>Formula: Ho, Jain, Abbeel, "Denoising diffusion probabilistic models", 2020. Ported from
 * diffusers src/diffusers/models/embeddings.py, Timesteps with flip_sin_to_cos (commit 58eb52c).
 */
final class Sinusoid {
  private static final double LONGEST_PERIOD = 10000;

  private Sinusoid() {}

  /** {@code [numbers, width]} float32 on the CPU. */
  static Tensor embed(float[] numbers, int width) {
    try (TensorScope scope = new TensorScope()) {
      int half = width / 2;
      float[] frequencies = new float[half];
      for (int i = 0; i < half; i++) {
        // Rounded to float32 at the same places as in training.
        float exponent = (float) -Math.log(LONGEST_PERIOD) * i / half;
        frequencies[i] = (float) Math.exp(exponent);
      }
      Tensor angles =
          Ops.of(numbers, numbers.length, 1).mul(Ops.of(frequencies, 1, half)); // [numbers, half]
      return scope.keep(Ops.cat(1, angles.cos(), angles.sin()));
    }
  }
}
