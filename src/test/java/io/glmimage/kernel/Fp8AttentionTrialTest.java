package io.glmimage.kernel;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.kernel.Fp8AttentionTrial.Implementation;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class Fp8AttentionTrialTest {
  private static final Compute CPU = Compute.cpu();
  private static final Fp8Attention RIGHT = new AtenFp8Attention(new AtenSequenceAttention());

  @ParameterizedTest
  @CsvSource({
    "2, 2, 2, 16",
    "3, 17, 33, 32",
    "2, 64, 64, 64",
    "2, 129, 257, 128",
    "1, 60, 900, 128"
  })
  void rightResultsPass(long heads, long queries, long keys, long width) {
    AttentionShape shape = new AttentionShape(heads, queries, keys, width);
    // The rounding of the results to e4m3.
    double error = Fp8AttentionTrial.error(CPU, shape, RIGHT::apply);
    assertTrue(error > 0 && error < 0.03, () -> "error " + error);
    Fp8AttentionTrial.check(CPU, "fp8 attention", shape, RIGHT::apply);
  }

  @ParameterizedTest
  @CsvSource({
    "2, 17, 33, 16",
    "3, 17, 33, 32",
    "2, 64, 64, 64",
    "2, 129, 257, 128",
    "1, 60, 900, 128"
  })
  void wrongResultsFail(long heads, long queries, long keys, long width) {
    AttentionShape shape = new AttentionShape(heads, queries, keys, width);
    refused(shape, (q, k, v, out) -> {});
    refused(shape, (q, k, v, out) -> fill(out, 448));
    refused(shape, (q, k, v, out) -> fill(out, 0));
    // Scores with another factor, equal ones among them.
    for (double factor : new double[] {0, 0.5, 2, QkNormRotary.factor(width)}) {
      refused(shape, (q, k, v, out) -> RIGHT.apply(times(q, factor), k, v, out));
    }
    // Results with another factor.
    for (double factor : new double[] {0.5, 2, 1.0 / 256}) {
      refused(shape, (q, k, v, out) -> RIGHT.apply(q, k, times(v, factor), out));
    }
    // Keys or values of other rows.
    refused(shape, (q, k, v, out) -> RIGHT.apply(q, k, rolled(v, 0), out));
    refused(shape, (q, k, v, out) -> RIGHT.apply(q, rolled(k, 0), v, out));
    // Queries of other rows, or elements in another order.
    refused(shape, (q, k, v, out) -> RIGHT.apply(rolled(q, 0), k, v, out));
    refused(shape, (q, k, v, out) -> RIGHT.apply(q, rolled(k, 2), v, out));
    // The last eighth of the keys is not read.
    long read = keys - keys / 8;
    refused(
        shape, (q, k, v, out) -> RIGHT.apply(q, k.narrow(0, 0, read), v.narrow(0, 0, read), out));
    if (heads > 1) {
      refused(shape, (q, k, v, out) -> RIGHT.apply(q, rolled(k, 1), v, out));
    }
  }

  @Test
  void aRefusalNamesTheOperationThatWasTried() {
    AttentionShape shape = new AttentionShape(2, 64, 64, 128);
    Fp8Attention wrong =
        new AtenFp8Attention(
            (q, k, v) -> new AtenSequenceAttention().apply(q.mul(new Scalar(2)), k, v));
    KernelException refusal =
        assertThrows(
            KernelException.class,
            () -> Fp8AttentionTrial.check(CPU, "bfloat16 attention", shape, wrong::apply));
    assertTrue(
        refusal
            .getMessage()
            .matches(
                "Cannot use bfloat16 attention of 2 heads of 128, 64 queries, 64 keys: its results"
                    + " are wrong by [0-9.]+ of their size, more than 0\\.06"),
        refusal.getMessage());
  }

  private static void refused(AttentionShape shape, Implementation wrong) {
    KernelException refusal =
        assertThrows(
            KernelException.class,
            () -> Fp8AttentionTrial.check(CPU, "fp8 attention", shape, wrong));
    assertTrue(
        refusal.getMessage().startsWith("Cannot use fp8 attention of " + shape),
        refusal.getMessage());
  }

  private static Tensor times(Tensor x, double factor) {
    return AtenFp8Attention.e4m3(x.to(ScalarType.Float).mul(new Scalar(factor)));
  }

  private static Tensor rolled(Tensor x, long dim) {
    return x.view(ScalarType.Byte).roll(new long[] {1}, dim).view(ScalarType.Float8_e4m3fn);
  }

  private static void fill(Tensor out, double value) {
    out.copy_(Ops.zeros(CPU.options(ScalarType.Float), Ops.shape(out)).add(new Scalar(value)));
  }
}
