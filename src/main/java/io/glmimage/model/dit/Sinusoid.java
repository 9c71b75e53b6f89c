package io.glmimage.model.dit;

import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;

/**
 * Sinusoidal embedding of numbers, cosines first: {@code [cos(x f_0) .. cos(x f_n-1), sin(x f_0) ..
 * sin(x f_n-1)]} with {@code f_i = 10000^(-i / n)}. All in float32 on the CPU: arguments reach
 * thousands, where the last bit of a frequency shows.
 *
 * <p>Source: Ho, Jain, Abbeel, "Denoising diffusion probabilistic models", 2020, in the variant
 * that starts with the cosines.
 */
final class Sinusoid {
  private static final double LONGEST_PERIOD = 10000;

  private Sinusoid() {}

  /** {@code [numbers, width]} float32 on the CPU. */
  static Tensor embed(float[] numbers, int width) {
    try (TensorScope scope = new TensorScope()) {
      int half = width / 2;
      float[] exponents = new float[half];
      for (int i = 0; i < half; i++) {
        exponents[i] = (float) -Math.log(LONGEST_PERIOD) * i;
      }
      Tensor frequencies = Ops.of(exponents, 1, half).div(new Scalar((float) half)).exp();
      Tensor angles = Ops.of(numbers, numbers.length, 1).mul(frequencies); // [numbers, half]
      return scope.keep(Ops.cat(1, angles.cos(), angles.sin()));
    }
  }
}
