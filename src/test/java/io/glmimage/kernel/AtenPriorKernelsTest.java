package io.glmimage.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import java.util.Random;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Compares the ATen forms with plain loops in double precision, at odd sizes and without elements.
 */
class AtenPriorKernelsTest {
  private static final double EPS = 1e-5;

  private final KernelProvider kernels = new AtenKernels();
  private final Random random = new Random(3);
  private TensorScope scope;

  @BeforeEach
  void open() {
    scope = new TensorScope();
  }

  @AfterEach
  void close() {
    scope.close();
  }

  private float[] values(int count) {
    float[] out = new float[count];
    for (int i = 0; i < count; i++) {
      out[i] = (float) random.nextGaussian();
    }
    return out;
  }

  private static Tensor zeros(long... shape) {
    return Ops.zeros(Compute.cpu().options(), shape);
  }

  @Test
  void emptyInputsGiveEmptyResultsOfTheRightShape() {
    Tensor weight = zeros(8);
    assertArrayEquals(
        new long[] {0, 8}, Ops.shape(kernels.rmsNormResidual().norm(zeros(0, 8), weight, EPS)));
    assertArrayEquals(
        new long[] {0, 8},
        Ops.shape(
            kernels.rmsNormResidual().addThenNorm(zeros(0, 8), zeros(0, 8), weight, weight, EPS)));
    assertArrayEquals(new long[] {0, 5}, Ops.shape(kernels.siluMul().siluMul(zeros(0, 10))));
    Tensor cache = zeros(0, 6, 2, 4);
    assertArrayEquals(
        new long[] {0, 16},
        Ops.shape(
            kernels
                .decodeAttention()
                .attend(zeros(0, 32), 4, cache, cache, Ops.of(new long[0], 0))));
    Tensor filled = zeros(2, 6, 2, 4);
    kernels
        .rotaryCacheWrite()
        .rotateAndWrite(
            zeros(0, 32), 4, zeros(0, 1), zeros(0, 1), Ops.of(new long[0], 0), filled, filled);
    assertArrayEquals(new float[96], Ops.toFloats(filled));
    Tensor ids = Ops.of(new long[0], 0);
    for (SamplingSettings settings :
        new SamplingSettings[] {SamplingSettings.greedy(), new SamplingSettings(1, 5, 0.5)}) {
      kernels.tokenSampling().sample(zeros(0, 7), zeros(0), settings, ids);
      assertArrayEquals(new long[] {0}, Ops.shape(ids));
    }
    assertArrayEquals(
        new long[] {0, 7},
        Ops.shape(AtenTokenSampling.probabilities(zeros(0, 7), new SamplingSettings(1, 5, 0.5))));
  }

  @Test
  void addThenNormAddsTheNormedBranchAndNormsTheSum() {
    int n = 3;
    int d = 37;
    float[] residual = values(n * d);
    float[] branch = values(n * d);
    float[] w1 = values(d);
    float[] w2 = values(d);
    Tensor sum = Ops.of(residual, n, d);
    float[] normed =
        Ops.toFloats(
            kernels
                .rmsNormResidual()
                .addThenNorm(sum, Ops.of(branch, n, d), Ops.of(w1, d), Ops.of(w2, d), EPS));
    float[] kept = Ops.toFloats(sum);
    for (int i = 0; i < n; i++) {
      double r1 = root(branch, i * d, d);
      double[] total = new double[d];
      double squares = 0;
      for (int j = 0; j < d; j++) {
        total[j] = residual[i * d + j] + branch[i * d + j] / r1 * w1[j];
        squares += total[j] * total[j];
        assertEquals(total[j], kept[i * d + j], 1e-5);
      }
      double r2 = Math.sqrt(squares / d + EPS);
      for (int j = 0; j < d; j++) {
        assertEquals(total[j] / r2 * w2[j], normed[i * d + j], 1e-5);
      }
    }
  }

  private static double root(float[] x, int from, int count) {
    double squares = 0;
    for (int j = from; j < from + count; j++) {
      squares += (double) x[j] * x[j];
    }
    return Math.sqrt(squares / count + EPS);
  }

  @Test
  void siluMulGatesTheSecondHalf() {
    float[] x = values(2 * 2 * 13);
    float[] y = Ops.toFloats(kernels.siluMul().siluMul(Ops.of(x, 2, 26)));
    for (int i = 0; i < 2; i++) {
      for (int j = 0; j < 13; j++) {
        double gate = x[i * 26 + j];
        assertEquals(gate / (1 + Math.exp(-gate)) * x[i * 26 + 13 + j], y[i * 13 + j], 1e-5);
      }
    }
  }

  @Test
  void rotatesByHalvesAndWritesOnlyTheGivenCells() {
    int heads = 3;
    int headDim = 6;
    int half = 2;
    float[] x = values(2 * 5 * headDim);
    float[] cos = values(2 * half);
    float[] sin = values(2 * half);
    Tensor qkv = Ops.of(x, 2, 5L * headDim);
    Tensor keys = zeros(2, 4, 1, headDim);
    Tensor values = zeros(2, 4, 1, headDim);
    // Slot 0 position 3, slot 1 position 1.
    kernels
        .rotaryCacheWrite()
        .rotateAndWrite(
            qkv,
            heads,
            Ops.of(cos, 2, half),
            Ops.of(sin, 2, half),
            Ops.of(new long[] {3, 5}, 2),
            keys,
            values);
    float[] turned = Ops.toFloats(qkv);
    float[] expectedKeys = new float[2 * 4 * headDim];
    float[] expectedValues = new float[2 * 4 * headDim];
    for (int n = 0; n < 2; n++) {
      for (int h = 0; h < 5; h++) {
        for (int j = 0; j < headDim; j++) {
          int at = (n * 5 + h) * headDim + j;
          double expected = x[at];
          int f = n * half + j % half;
          if (h < 4 && j < half) {
            expected = x[at] * cos[f] - x[at + half] * sin[f];
          } else if (h < 4 && j < 2 * half) {
            expected = x[at] * cos[f] + x[at - half] * sin[f];
          }
          assertEquals(expected, turned[at], 1e-5);
          int cell = new int[] {3, 5}[n] * headDim + j;
          if (h == 3) {
            expectedKeys[cell] = turned[at];
          } else if (h == 4) {
            expectedValues[cell] = turned[at];
          }
        }
      }
    }
    assertArrayEquals(expectedKeys, Ops.toFloats(keys));
    assertArrayEquals(expectedValues, Ops.toFloats(values));
  }

  @Test
  void decodeAttentionReadsEachSlotsOwnTokensOnly() {
    int slots = 3;
    int heads = 6;
    int kvHeads = 2;
    int d = 5;
    int capacity = 7;
    int width = (heads + 2 * kvHeads) * d;
    float[] qkv = values(slots * width);
    float[] keys = values(slots * capacity * kvHeads * d);
    float[] values = values(slots * capacity * kvHeads * d);
    int[] counts = {7, 1, 4};
    float[] out = attend(qkv, keys, values, counts, kvHeads, d);
    for (int s = 0; s < slots; s++) {
      for (int h = 0; h < heads; h++) {
        int g = h / (heads / kvHeads);
        double[] expected = new double[d];
        double total = 0;
        for (int t = 0; t < counts[s]; t++) {
          double score = 0;
          int cell = ((s * capacity + t) * kvHeads + g) * d;
          for (int j = 0; j < d; j++) {
            score += qkv[s * width + h * d + j] * (double) keys[cell + j];
          }
          double p = Math.exp(score / Math.sqrt(d));
          total += p;
          for (int j = 0; j < d; j++) {
            expected[j] += p * values[cell + j];
          }
        }
        for (int j = 0; j < d; j++) {
          assertEquals(expected[j] / total, out[(s * heads + h) * d + j], 1e-5);
        }
      }
    }
    // Cells past a slot's tokens, and other slots, have no influence.
    for (int i = 2 * kvHeads * d * capacity + 4 * kvHeads * d; i < keys.length; i++) {
      keys[i] = 1e4f;
      values[i] = -1e4f;
    }
    float[] again = attend(qkv, keys, values, counts, kvHeads, d);
    assertArrayEquals(out, again);
  }

  private float[] attend(
      float[] qkv, float[] keys, float[] values, int[] counts, int kvHeads, int d) {
    int slots = counts.length;
    int capacity = keys.length / (slots * kvHeads * d);
    Tensor lengths = Ops.of(counts, slots).to(org.bytedeco.pytorch.global.torch.ScalarType.Int);
    return Ops.toFloats(
        kernels
            .decodeAttention()
            .attend(
                Ops.of(qkv, slots, qkv.length / slots),
                6,
                Ops.of(keys, slots, capacity, kvHeads, d),
                Ops.of(values, slots, capacity, kvHeads, d),
                lengths));
  }
}
