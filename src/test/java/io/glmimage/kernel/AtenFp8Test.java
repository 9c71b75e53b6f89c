package io.glmimage.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.kernel.QkNormRotary.KeyValueRows;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.Philox;
import io.glmimage.tensor.Precision;
import io.glmimage.tensor.TensorScope;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Compares the ATen forms of the fp8 operations with their formulas. */
class AtenFp8Test {
  private static final Compute FP8 = Compute.cpu().withPrecision(Precision.FP8);

  private final KernelProvider kernels = new AtenKernels();
  private TensorScope scope;

  @BeforeEach
  void open() {
    scope = new TensorScope();
  }

  @AfterEach
  void close() {
    scope.close();
  }

  private static Tensor random(int stream, long... shape) {
    int count = (int) java.util.Arrays.stream(shape).reduce(1, (a, b) -> a * b);
    return Ops.of(new Philox(8, stream).normals(count), shape);
  }

  /** All e4m3 numbers, from their bits: 1 for the sign, 4 for the exponent, 3 for the mantissa. */
  private static List<Double> e4m3() {
    List<Double> numbers = new ArrayList<>();
    for (int bits = 0; bits < 127; bits++) {
      int exponent = bits >> 3;
      int mantissa = bits & 7;
      double number =
          exponent == 0
              ? Math.scalb(mantissa / 8.0, -6)
              : Math.scalb(1 + mantissa / 8.0, exponent - 7);
      numbers.add(number);
      numbers.add(-number);
    }
    return numbers;
  }

  @Test
  void aNumberBecomesTheNearestE4m3InTheScaleOfItsRow() {
    int width = 40;
    Tensor x = random(1, 7, width);
    // A row with numbers of all magnitudes, down to those that e4m3 rounds to zero.
    for (int i = 0; i < width; i++) {
      x.select(0, 6).narrow(0, i, 1).mul_(new org.bytedeco.pytorch.Scalar(Math.pow(2, -i)));
    }
    Rows rows = kernels.quantizeRows().quantize(x);
    assertEquals(ScalarType.Float8_e4m3fn, Ops.dtype(rows.values()));
    assertArrayEquals(new long[] {7, 1}, Ops.shape(rows.scales()));
    float[] given = Ops.toFloats(x);
    float[] values = Ops.toFloats(rows.values());
    float[] scales = Ops.toFloats(rows.scales());
    List<Double> numbers = e4m3();
    for (int t = 0; t < 7; t++) {
      float largest = 0;
      for (int k = 0; k < width; k++) {
        largest = Math.max(largest, Math.abs(given[t * width + k]));
      }
      assertEquals(largest / 448, scales[t], 1e-6 * scales[t]);
      for (int k = 0; k < width; k++) {
        double wanted = given[t * width + k] * (double) (448f / largest);
        double best = numbers.stream().mapToDouble(n -> Math.abs(n - wanted)).min().orElseThrow();
        double actual = values[t * width + k];
        assertTrue(numbers.contains(actual), () -> actual + " is no e4m3");
        assertEquals(best, Math.abs(actual - wanted), 1e-5 * Math.abs(wanted) + 1e-12);
      }
    }
  }

  @Test
  void tiesGoToTheEvenNumber() {
    // 448 sets the scale to 1. 17 is between 16 and 18, 19 between 18 and 20.
    Rows rows = kernels.quantizeRows().quantize(Ops.of(new float[] {448, 17, 19, -17, 0}, 1, 5));
    assertArrayEquals(new float[] {448, 16, 20, -16, 0}, Ops.toFloats(rows.values()));
    assertArrayEquals(new float[] {1}, Ops.toFloats(rows.scales()));
  }

  @Test
  void aRowOfZerosStaysZero() {
    Rows rows = kernels.quantizeRows().quantize(Ops.of(new float[16], 2, 8));
    assertArrayEquals(new float[16], Ops.toFloats(rows.numbers()));
    for (float scale : Ops.toFloats(rows.scales())) {
      assertTrue(scale > 0 && Float.isFinite(scale), () -> "scale " + scale);
    }
  }

  @Test
  void activationsAreQuantizedFromTheirFloat32Values() {
    Tensor x = random(2, 5, 48);
    same(
        kernels.quantizeRows().quantize(kernels.siluMul().siluMul(x)),
        kernels.quantizeRows().siluMul(x));
    Tensor identity = Ops.of(eye(48), 48, 48);
    Tensor gelu = kernels.linearGelu().apply(x, identity, Ops.of(new float[48], 48));
    same(kernels.quantizeRows().quantize(gelu), kernels.quantizeRows().gelu(x));
  }

  @Test
  void queriesAndKeysOfEveryWidthFitIntoE4m3() {
    for (long width : new long[] {16, 32, 64, 128}) {
      double factor = QkNormRotary.factor(width);
      assertEquals(1, Long.bitCount((long) factor), () -> "not a power of two: " + factor);
      // The largest element of a normed head, and twice as much.
      double largest = Math.sqrt((double) width) * factor;
      assertTrue(largest <= 448 && 2 * largest > 448, () -> "largest element " + largest);
    }
  }

  @Test
  void queriesKeysAndValuesAreRoundedOnceToE4m3() {
    int rows = 5;
    int heads = 3;
    int width = 16;
    double valueFactor = 8;
    // The last value is out of range.
    Tensor qkv = random(20, rows, 3L * heads * width);
    qkv.select(0, rows - 1).narrow(0, 2L * heads * width, 1).fill_(new Scalar(100.0));
    try (PackedLayout layout =
        new PackedLayout(
            Compute.cpu(), new int[] {2}, random(21, 3, 8).cos(), random(21, 3, 8).sin())) {
      Tensor[] exact = new Tensor[3];
      Tensor[] rounded = new Tensor[3];
      for (int i = 0; i < 3; i++) {
        exact[i] = Ops.empty(Compute.cpu(), rows, heads, width);
        rounded[i] = exact[i].to(ScalarType.Float8_e4m3fn);
      }
      QkNormRotary operation = kernels.qkNormRotary();
      operation.apply(qkv, layout, 1e-5, exact[0], List.of(new KeyValueRows(exact[1], exact[2])));
      operation.apply(
          qkv,
          layout,
          1e-5,
          valueFactor,
          rounded[0],
          List.of(new KeyValueRows(rounded[1], rounded[2])));
      for (int i = 0; i < 3; i++) {
        double factor = i < 2 ? QkNormRotary.factor(width) : valueFactor;
        float[] wanted = Ops.toFloats(exact[i]);
        float[] actual = Ops.toFloats(rounded[i]);
        for (int j = 0; j < wanted.length; j++) {
          double number = Math.max(-448, Math.min(448, wanted[j] * factor));
          // Half the distance of neighbours.
          double bound = Math.max(Math.abs(number) / 16, 0x1p-10);
          assertEquals(number, actual[j], bound * 1.001);
        }
      }
      assertEquals(448, Ops.toFloats(rounded[2].select(0, rows - 1))[0]);
    }
  }

  @Test
  void attentionOfNoQueriesDoesNothing() {
    Tensor none = Ops.empty(Compute.cpu(), 0, 2, 16).to(ScalarType.Float8_e4m3fn);
    kernels.fp8Attention().apply(none, none, none, none);
    assertTrue(kernels.fp8Attention().available(16));
  }

  @Test
  void normsWriteTheirQuantizedResult() {
    Tensor x = random(3, 7, 32);
    Tensor scale = random(4, 2, 32);
    Tensor shift = random(5, 2, 32);
    Tensor gate = random(6, 2, 32);
    Tensor branch = random(7, 7, 32);
    try (PackedLayout layout =
        new PackedLayout(
            Compute.cpu(), new int[] {3}, random(8, 4, 2).cos(), random(8, 4, 2).sin())) {
      Rows out = Rows.empty(FP8, 7, 32);
      kernels.adaLayerNorm().apply(x, scale, shift, layout, 1e-5, out);
      Tensor plain = kernels.adaLayerNorm().apply(x, scale, shift, layout, 1e-5, x.clone());
      same(kernels.quantizeRows().quantize(plain), out);
      Tensor sum = x.clone();
      kernels.gatedResidualAdaLayerNorm().apply(sum, branch, gate, scale, shift, layout, 1e-5, out);
      Tensor plainSum = x.clone();
      plain =
          kernels
              .gatedResidualAdaLayerNorm()
              .apply(plainSum, branch, gate, scale, shift, layout, 1e-5, x.clone());
      same(kernels.quantizeRows().quantize(plain), out);
      assertArrayEquals(Ops.toFloats(plainSum), Ops.toFloats(sum));
    }
  }

  @Test
  void aProductIsThatOfItsDequantizedOperands() {
    Rows x = kernels.quantizeRows().quantize(random(9, 3, 24));
    Rows weight = kernels.quantizeRows().quantize(random(10, 5, 24));
    Tensor bias = random(11, 5);
    float[] a = Ops.toFloats(x.numbers());
    float[] w = Ops.toFloats(weight.numbers());
    float[] b = Ops.toFloats(bias);
    float[] with = Ops.toFloats(kernels.fp8Linear().apply(x, weight, bias, ScalarType.Float));
    float[] without = Ops.toFloats(kernels.fp8Linear().apply(x, weight, null, ScalarType.Float));
    for (int t = 0; t < 3; t++) {
      for (int n = 0; n < 5; n++) {
        double sum = 0;
        for (int k = 0; k < 24; k++) {
          sum += (double) a[t * 24 + k] * w[n * 24 + k];
        }
        assertEquals(sum, without[t * 5 + n], 1e-5);
        assertEquals(sum + b[n], with[t * 5 + n], 1e-5);
      }
    }
    assertEquals(
        ScalarType.BFloat16,
        Ops.dtype(kernels.fp8Linear().apply(x, weight, null, ScalarType.BFloat16)));
  }

  @Test
  void emptyRowsGiveEmptyResults() {
    Rows none = kernels.quantizeRows().quantize(random(12, 0, 16));
    assertArrayEquals(new long[] {0, 16}, Ops.shape(none.values()));
    assertArrayEquals(new long[] {0, 1}, Ops.shape(none.scales()));
    assertArrayEquals(
        new long[] {0, 16}, Ops.shape(kernels.quantizeRows().gelu(random(12, 0, 16)).values()));
    assertArrayEquals(
        new long[] {0, 8}, Ops.shape(kernels.quantizeRows().siluMul(random(12, 0, 16)).values()));
    Rows weight = kernels.quantizeRows().quantize(random(13, 4, 16));
    assertArrayEquals(
        new long[] {0, 4},
        Ops.shape(kernels.fp8Linear().apply(none, weight, random(14, 4), ScalarType.Float)));
  }

  @Test
  void aLayerKeepsAQuarterOfItsFloat32Weights() {
    Tensor weight = random(15, 64, 96);
    Tensor bias = random(16, 64);
    Tensor x = random(17, 9, 96);
    List<Tensor> kept = new ArrayList<>();
    Linear layer = Linear.of(FP8, kernels, weight, bias, t -> kept.add(retained(t)));
    long bytes = kept.stream().mapToLong(t -> t.numel() * t.element_size()).sum();
    assertEquals(64 * 96 + 4 * 64 + 4 * 64, bytes);
    float[] exact = Ops.toFloats(Ops.linear(x, weight, bias));
    float[] actual = Ops.toFloats(layer.apply(x));
    double relative = relative(exact, actual);
    assertTrue(relative > 1e-3 && relative < 0.05, () -> "relative error " + relative);
    kept.forEach(Tensor::releaseReference);
  }

  @Test
  void aLayerInTheComputeDtypeIsThePlainProduct() {
    Tensor weight = random(18, 64, 96);
    Tensor bias = random(19, 64);
    Tensor x = random(20, 9, 96);
    List<Tensor> kept = new ArrayList<>();
    Linear layer = Linear.of(Compute.cpu(), kernels, weight, bias, t -> kept.add(retained(t)));
    assertEquals(2, kept.size());
    assertArrayEquals(Ops.toFloats(Ops.linear(x, weight, bias)), Ops.toFloats(layer.apply(x)));
    assertFalse(Rows.empty(Compute.cpu(), 1, 1).quantized());
    assertFalse(layer.gelu(new Rows(x)).quantized());
    kept.forEach(Tensor::releaseReference);
  }

  private static Tensor retained(Tensor t) {
    t.retainReference();
    return t;
  }

  private static double relative(float[] expected, float[] actual) {
    double difference = 0;
    double size = 0;
    for (int i = 0; i < expected.length; i++) {
      difference += Math.pow((double) actual[i] - expected[i], 2);
      size += Math.pow(expected[i], 2);
    }
    return Math.sqrt(difference / size);
  }

  private static void same(Rows expected, Rows actual) {
    assertArrayEquals(Ops.toFloats(expected.values()), Ops.toFloats(actual.values()));
    assertArrayEquals(Ops.toFloats(expected.scales()), Ops.toFloats(actual.scales()));
  }

  private static float[] eye(int n) {
    float[] out = new float[n * n];
    for (int i = 0; i < n; i++) {
      out[i * n + i] = 1;
    }
    return out;
  }
}
