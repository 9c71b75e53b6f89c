package io.glmimage.model.dit;

import io.glmimage.model.Grid;
import io.glmimage.tensor.Ops;
import org.bytedeco.pytorch.Tensor;

/**
 * Rotation angles of an image's tokens. The first quarter of a head's dimensions rotates with the
 * row, the second with the column; the other half repeats them. Every image starts at (0, 0), so
 * sources and target share positions. I image tokens, heads of width d.
 *
 * <p>Ported from diffusers src/diffusers/models/transformers/transformer_glm_image.py,
 * GlmImageRotaryPosEmbed (commit 58eb52c). Deviations: none.
 *
 * @param cos {@code [I, d / 2]} float32 on the CPU, of the caller's scope
 * @param sin {@code [I, d / 2]}, likewise
 */
record RotaryTable(Tensor cos, Tensor sin) {
  private static final double THETA = 10000;

  static RotaryTable of(Grid grid, int headDim) {
    int half = headDim / 2;
    int quarter = headDim / 4;
    float[] frequencies = new float[quarter];
    for (int i = 0; i < quarter; i++) {
      frequencies[i] = 1f / (float) Math.pow(THETA, (float) (2 * i) / half);
    }
    float[] cos = new float[grid.size() * half];
    float[] sin = new float[grid.size() * half];
    int next = 0;
    for (int row = 0; row < grid.rows(); row++) {
      for (int column = 0; column < grid.columns(); column++) {
        for (int i = 0; i < half; i++) {
          float angle = i < quarter ? row * frequencies[i] : column * frequencies[i - quarter];
          cos[next] = (float) Math.cos(angle);
          sin[next] = (float) Math.sin(angle);
          next++;
        }
      }
    }
    return new RotaryTable(Ops.of(cos, grid.size(), half), Ops.of(sin, grid.size(), half));
  }
}
