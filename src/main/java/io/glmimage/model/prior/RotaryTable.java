package io.glmimage.model.prior;

import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Cosines and sines of the partial three-axis rotary embedding. Frequency j of R/2 is {@code
 * base^(-2 j / R)}. The frequencies are divided into sections; section i follows axis i mod 3
 * (time, height, width). T tokens, R the rotated width of a head.
 *
 * <p>Ported from transformers src/transformers/models/glm_image/modeling_glm_image.py,
 * GlmImageTextRotaryEmbedding (5.17.0). Deviation: tables for a whole row are made at once.
 */
final class RotaryTable {
  private final float[] frequencies;
  private final int[] axes;

  /** Cosines and sines, {@code [T, R/2]} float32 each, on the CPU. */
  record CosSin(Tensor cos, Tensor sin) {}

  RotaryTable(RotaryConfig config) {
    int[] sections = config.sections();
    frequencies = frequencies(config.width(), config.base());
    axes = new int[config.width() / 2];
    int j = 0;
    for (int i = 0; i < sections.length; i++) {
      for (int n = 0; n < sections[i]; n++) {
        axes[j++] = i % 3;
      }
    }
  }

  /** The tables of tokens {@code from} to {@code from + count}: {@code [count, R/2]}. */
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

  /** {@code [R/2]}. Every operation is rounded to float32, as in the reference. */
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
