package io.glmimage.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.glmimage.kernel.QkNormRotary.KeyValueRows;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.Philox;
import io.glmimage.tensor.TensorScope;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Compares the ATen forms with the formulas of their interfaces in double precision. */
class AtenDitKernelsTest {
  private static final double EPS = 1e-5;

  private final KernelProvider kernels = new AtenKernels();

  /**
   * @param text text rows of every sequence
   * @param image image tokens of a sequence
   */
  record Case(int[] text, int image, int heads, int headDim) {
    int width() {
      return heads * headDim;
    }

    int rows() {
      int rows = 0;
      for (int t : text) {
        rows += t + image;
      }
      return rows;
    }

    /** The image token of every packed row; -1 for a text row. */
    int[] imageToken() {
      int[] out = new int[rows()];
      int next = 0;
      for (int t : text) {
        for (int i = 0; i < t + image; i++) {
          out[next++] = i < t ? -1 : i - t;
        }
      }
      return out;
    }

    PackedLayout layout(float[] angles) {
      float[] cos = new float[angles.length];
      float[] sin = new float[angles.length];
      for (int i = 0; i < angles.length; i++) {
        cos[i] = (float) Math.cos(angles[i]);
        sin[i] = (float) Math.sin(angles[i]);
      }
      return new PackedLayout(
          Compute.cpu(), text, Ops.of(cos, image, headDim / 2), Ops.of(sin, image, headDim / 2));
    }

    float[] angles() {
      return new Philox(9, 9).normals(image * headDim / 2);
    }
  }

  static List<Case> cases() {
    return List.of(
        new Case(new int[] {3, 1}, 6, 3, 8),
        new Case(new int[] {5}, 7, 1, 4),
        new Case(new int[] {0}, 5, 2, 12),
        new Case(new int[] {0, 2}, 4, 2, 4),
        new Case(new int[] {4, 0}, 0, 2, 4),
        new Case(new int[] {0, 0}, 0, 2, 4),
        new Case(new int[] {}, 3, 2, 4));
  }

  private static float[] random(int stream, int count) {
    return new Philox(3, stream).normals(count);
  }

  private static float[] norm(float[] x, int offset, int width) {
    double mean = 0;
    for (int i = 0; i < width; i++) {
      mean += x[offset + i] / (double) width;
    }
    double variance = 0;
    for (int i = 0; i < width; i++) {
      variance += (x[offset + i] - mean) * (x[offset + i] - mean) / width;
    }
    float[] out = new float[width];
    for (int i = 0; i < width; i++) {
      out[i] = (float) ((x[offset + i] - mean) / Math.sqrt(variance + EPS));
    }
    return out;
  }

  private static float[] modulated(Case c, float[] x, float[] scale, float[] shift) {
    int d = c.width();
    float[] out = new float[x.length];
    int[] token = c.imageToken();
    for (int r = 0; r < c.rows(); r++) {
      int kind = token[r] < 0 ? 1 : 0;
      float[] normed = norm(x, r * d, d);
      for (int i = 0; i < d; i++) {
        out[r * d + i] = normed[i] * (1 + scale[kind * d + i]) + shift[kind * d + i];
      }
    }
    return out;
  }

  @ParameterizedTest
  @MethodSource("cases")
  void adaLayerNormScalesImageAndTextRowsSeparately(Case c) {
    int d = c.width();
    float[] x = random(1, c.rows() * d);
    float[] scale = random(2, 2 * d);
    float[] shift = random(3, 2 * d);
    try (TensorScope scope = new TensorScope();
        PackedLayout layout = c.layout(c.angles())) {
      Tensor out = Ops.empty(Compute.cpu(), c.rows(), d);
      Tensor returned =
          kernels
              .adaLayerNorm()
              .apply(
                  Ops.of(x, c.rows(), d),
                  Ops.of(scale, 2, d),
                  Ops.of(shift, 2, d),
                  layout,
                  EPS,
                  out);
      assertArrayEquals(new long[] {c.rows(), d}, Ops.shape(returned));
      assertArrayEquals(modulated(c, x, scale, shift), Ops.toFloats(out), 1e-5f);
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void gatedResidualUpdatesInPlaceAndNormsTheSum(Case c) {
    int d = c.width();
    float[] residual = random(1, c.rows() * d);
    float[] branch = random(2, c.rows() * d);
    float[] gate = random(3, 2 * d);
    float[] scale = random(4, 2 * d);
    float[] shift = random(5, 2 * d);
    int[] token = c.imageToken();
    float[] sum = new float[residual.length];
    for (int i = 0; i < sum.length; i++) {
      int kind = token[i / d] < 0 ? 1 : 0;
      sum[i] = residual[i] + gate[kind * d + i % d] * branch[i];
    }
    try (TensorScope scope = new TensorScope();
        PackedLayout layout = c.layout(c.angles())) {
      Tensor updated = Ops.of(residual, c.rows(), d);
      Tensor out = Ops.empty(Compute.cpu(), c.rows(), d);
      Tensor returned =
          kernels
              .gatedResidualAdaLayerNorm()
              .apply(
                  updated,
                  Ops.of(branch, c.rows(), d),
                  Ops.of(gate, 2, d),
                  Ops.of(scale, 2, d),
                  Ops.of(shift, 2, d),
                  layout,
                  EPS,
                  out);
      assertArrayEquals(new long[] {c.rows(), d}, Ops.shape(returned));
      assertArrayEquals(sum, Ops.toFloats(updated), 1e-5f);
      assertArrayEquals(modulated(c, sum, scale, shift), Ops.toFloats(out), 2e-5f);
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void qkNormRotaryTurnsImageRowsAndFillsEverySequence(Case c) {
    int d = c.headDim();
    int width = c.width();
    float[] angles = c.angles();
    float[] qkv = random(1, c.rows() * 3 * width);
    int[] token = c.imageToken();
    float[][] expected = new float[3][c.rows() * width];
    for (int r = 0; r < c.rows(); r++) {
      for (int part = 0; part < 3; part++) {
        for (int h = 0; h < c.heads(); h++) {
          int from = r * 3 * width + part * width + h * d;
          int to = r * width + h * d;
          if (part == 2) {
            System.arraycopy(qkv, from, expected[part], to, d);
            continue;
          }
          float[] n = norm(qkv, from, d);
          for (int i = 0; i < d / 2; i++) {
            double angle = token[r] < 0 ? 0 : angles[token[r] * (d / 2) + i];
            double cos = Math.cos(angle);
            double sin = Math.sin(angle);
            expected[part][to + i] = (float) (n[i] * cos - n[i + d / 2] * sin);
            expected[part][to + i + d / 2] = (float) (n[i + d / 2] * cos + n[i] * sin);
          }
        }
      }
    }
    try (TensorScope scope = new TensorScope();
        PackedLayout layout = c.layout(angles)) {
      Tensor query = Ops.empty(Compute.cpu(), c.rows(), c.heads(), d);
      // Rows of larger buffers, whose other rows must not change.
      List<Tensor> keys = new ArrayList<>();
      List<Tensor> values = new ArrayList<>();
      List<KeyValueRows> destinations = new ArrayList<>();
      for (PackedLayout.Sequence sequence : layout.sequences()) {
        long[] shape = {sequence.rows() + 3, c.heads(), d};
        keys.add(Ops.zeros(Compute.cpu().options(), shape));
        values.add(Ops.zeros(Compute.cpu().options(), shape));
        destinations.add(
            new KeyValueRows(
                keys.get(keys.size() - 1).narrow(0, 2, sequence.rows()),
                values.get(values.size() - 1).narrow(0, 2, sequence.rows())));
      }
      kernels
          .qkNormRotary()
          .apply(Ops.of(qkv, c.rows(), 3L * width), layout, EPS, query, destinations);
      assertArrayEquals(expected[0], Ops.toFloats(query), 1e-5f);
      for (int s = 0; s < destinations.size(); s++) {
        assertRows(expected[1], layout.sequences().get(s), width, keys.get(s));
        assertRows(expected[2], layout.sequences().get(s), width, values.get(s));
      }
    }
  }

  private static void assertRows(
      float[] packed, PackedLayout.Sequence sequence, int width, Tensor buffer) {
    float[] expected = new float[(sequence.rows() + 3) * width];
    System.arraycopy(
        packed, sequence.offset() * width, expected, 2 * width, sequence.rows() * width);
    assertArrayEquals(expected, Ops.toFloats(buffer), 1e-5f);
  }

  @Test
  void linearGeluIsTheTanhApproximation() {
    float[] x = random(1, 5 * 3);
    float[] weight = random(2, 7 * 3);
    float[] bias = random(3, 7);
    float[] expected = new float[5 * 7];
    for (int r = 0; r < 5; r++) {
      for (int f = 0; f < 7; f++) {
        double y = bias[f];
        for (int i = 0; i < 3; i++) {
          y += x[r * 3 + i] * (double) weight[f * 3 + i];
        }
        double inner = Math.sqrt(2 / Math.PI) * (y + 0.044715 * y * y * y);
        expected[r * 7 + f] = (float) (0.5 * y * (1 + Math.tanh(inner)));
      }
    }
    try (TensorScope scope = new TensorScope()) {
      Tensor out =
          kernels.linearGelu().apply(Ops.of(x, 5, 3), Ops.of(weight, 7, 3), Ops.of(bias, 7));
      assertArrayEquals(expected, Ops.toFloats(out), 1e-5f);
    }
  }

  @Test
  void linearGeluOfEmptyTensorsIsEmpty() {
    try (TensorScope scope = new TensorScope()) {
      Tensor noRows =
          kernels
              .linearGelu()
              .apply(
                  Ops.of(new float[0], 0, 3), Ops.of(random(1, 21), 7, 3), Ops.of(random(2, 7), 7));
      assertArrayEquals(new long[] {0, 7}, Ops.shape(noRows));
      Tensor noFeatures =
          kernels
              .linearGelu()
              .apply(
                  Ops.of(random(1, 15), 5, 3), Ops.of(new float[0], 0, 3), Ops.of(new float[0], 0));
      assertArrayEquals(new long[] {5, 0}, Ops.shape(noFeatures));
    }
  }

  @Test
  void guidedEulerStepMovesLatentsByTheGuidedNoise() {
    // 2 x 3 tokens of 2 x 2 patches of 2 channels.
    Case c = new Case(new int[] {3, 1}, 6, 1, 4);
    int values = 8;
    float[] prediction = random(1, c.rows() * values);
    float[] latents = random(2, 2 * 4 * 6);
    for (int branches = 1; branches <= 2; branches++) {
      float delta = -0.25f;
      float guidance = 1.5f;
      float[] expected = latents.clone();
      for (int channel = 0; channel < 2; channel++) {
        for (int y = 0; y < 4; y++) {
          for (int x = 0; x < 6; x++) {
            int token = y / 2 * 3 + x / 2;
            int inPatch = channel * 4 + y % 2 * 2 + x % 2;
            double cond = prediction[(3 + token) * values + inPatch];
            double uncond = prediction[(9 + 1 + token) * values + inPatch];
            double noise = branches == 1 ? cond : uncond + guidance * (cond - uncond);
            expected[channel * 24 + y * 6 + x] += (float) (delta * noise);
          }
        }
      }
      Case used = branches == 1 ? new Case(new int[] {3}, 6, 1, 4) : c;
      try (TensorScope scope = new TensorScope();
          PackedLayout layout = used.layout(used.angles())) {
        Tensor moved = Ops.of(latents, 2, 4, 6);
        kernels
            .guidedEulerStep()
            .apply(
                moved,
                Ops.of(prediction, c.rows(), values).narrow(0, 0, used.rows()),
                layout,
                2,
                Ops.of(new float[] {delta, guidance}, 2));
        assertArrayEquals(expected, Ops.toFloats(moved), 1e-5f);
      }
    }
  }

  @Test
  void aStepOfTheSecondOrderExtrapolatesTheNoiseAndKeepsIt() {
    Case c = new Case(new int[] {3, 1}, 6, 1, 4);
    float[] prediction = random(1, c.rows() * 8);
    float[] latents = random(2, 2 * 4 * 6);
    float[] before = random(3, 2 * 4 * 6);
    try (TensorScope scope = new TensorScope();
        PackedLayout layout = c.layout(c.angles())) {
      Tensor packed = Ops.of(prediction, c.rows(), 8);
      // From zero, and by 1, the first order gives the noise.
      Tensor noise = Ops.of(new float[latents.length], 2, 4, 6);
      kernels.guidedEulerStep().apply(noise, packed, layout, 2, Ops.of(new float[] {1, 1.5f}, 2));
      float[] now = Ops.toFloats(noise);
      for (float extrapolation : new float[] {0, 0.4f}) {
        float[] expected = latents.clone();
        for (int i = 0; i < expected.length; i++) {
          expected[i] += -0.25f * (now[i] + extrapolation * (now[i] - before[i]));
        }
        Tensor moved = Ops.of(latents, 2, 4, 6);
        Tensor previous = Ops.of(before, 2, 4, 6);
        kernels
            .guidedEulerStep()
            .apply(
                moved,
                packed,
                previous,
                layout,
                2,
                Ops.of(new float[] {-0.25f, 1.5f, extrapolation}, 3));
        assertArrayEquals(expected, Ops.toFloats(moved), 1e-5f);
        assertArrayEquals(now, Ops.toFloats(previous), 1e-5f);
      }
    }
  }

  @Test
  void guidedEulerStepOfEmptyLatentsDoesNothing() {
    Case c = new Case(new int[] {2, 1}, 0, 1, 4);
    try (TensorScope scope = new TensorScope();
        PackedLayout layout = c.layout(c.angles())) {
      Tensor latents = Ops.of(new float[0], 2, 0, 6);
      kernels
          .guidedEulerStep()
          .apply(
              latents,
              Ops.of(random(1, 3 * 8), 3, 8),
              layout,
              2,
              Ops.of(new float[] {-1, 1.5f}, 2));
      assertArrayEquals(new long[] {2, 0, 6}, Ops.shape(latents));
    }
  }

  @Test
  void aLayoutKnowsTheKindAndAnglesOfEveryRow() {
    Case c = new Case(new int[] {2, 0}, 3, 1, 4);
    try (TensorScope scope = new TensorScope();
        PackedLayout layout = c.layout(c.angles())) {
      assertArrayEquals(new int[] {-1, -1, 0, 1, 2, 0, 1, 2}, Ops.toInts(layout.rotaryRow()));
      assertArrayEquals(new int[] {1, 1, 0, 0, 0, 0, 0, 0}, Ops.toInts(layout.rowKind()));
      assertEquals(8, layout.rows());
      assertEquals(5, layout.sequences().get(1).imageOffset());
    }
  }
}
