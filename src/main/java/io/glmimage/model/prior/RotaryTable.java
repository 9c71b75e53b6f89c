package io.glmimage.model.prior;

import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Cosines and sines of the partial three-axis rotary embedding. Frequency j of R/2 is {@code
 * base^(-2 j / R)}; the frequencies are cut into sections, and section i follows axis i mod 3
 * (time, height, width).
 */
final class RotaryTable {
  private final float[] frequencies;
  private final int[] axes;

  /** Cosines and sines, {@code [T, R/2]} float32 each, on the CPU. */
  record CosSin(Tensor cos, Tensor sin) {}

  /**
   * @param width R
   * @param sections how many frequencies each section has; their sum is R/2
   */
  RotaryTable(int width, double base, int[] sections) {
    frequencies = frequencies(width, base);
    axes = new int[width / 2];
    int j = 0;
    for (int i = 0; i < sections.length; i++) {
      for (int n = 0; n < sections[i]; n++) {
        axes[j++] = i % 3;
      }
    }
  }

  /** The two tables for tokens {@code from} to {@code from + count}. */
  CosSin at(RopePositions positions, int from, int count) {
    int half = frequencies.length;
    float[] angles = new float[Math.multiplyExact(count, half)];
    for (int t = 0; t < count; t++) {
      for (int j = 0; j < half; j++) {
        angles[t * half + j] = positions.axes()[axes[j]][from + t] * frequencies[j];
      }
    }
    Tensor angle = Ops.of(angles, count, half);
    return new CosSin(angle.cos(), angle.sin());
  }

  /** {@code [R/2]}, in float32 arithmetic throughout. */
  private static float[] frequencies(int width, double base) {
    float[] exponents = new float[width / 2];
    for (int j = 0; j < exponents.length; j++) {
      exponents[j] = 2f * j / width;
    }
    try (TensorScope scope = new TensorScope()) {
      Tensor powers = torch.pow(new Scalar(base), Ops.of(exponents, exponents.length));
      return Ops.toFloats(powers.reciprocal());
    }
  }
}
