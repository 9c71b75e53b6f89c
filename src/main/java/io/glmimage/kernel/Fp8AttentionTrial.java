package io.glmimage.kernel;

import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import java.util.Locale;
import java.util.stream.LongStream;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Compares an implementation of attention of e4m3 numbers with float32 attention of the same. The
 * inputs are the same for every call of a shape: rows, heads and elements all differ, and no
 * generator of random numbers is used. So the answer depends on nothing but the implementation.
 */
final class Fp8AttentionTrial {
  /**
   * Largest accepted error of all results together. Rounding of weights and results to e4m3 gives
   * 0.033 to 0.037.
   */
  static final double LARGEST_ERROR = 0.06;

  /** Different rows of queries and keys, and of values: the pairs repeat after their product. */
  private static final long KEY_ROWS = 509;

  private static final long VALUE_ROWS = 521;

  private static final double TYPICAL_VALUE = 8;

  /** An implementation: query, key, value and result as in {@link Fp8Attention#apply}. */
  @FunctionalInterface
  interface Implementation {
    void apply(Tensor query, Tensor key, Tensor value, Tensor out);
  }

  private Fp8AttentionTrial() {}

  /**
   * Tries one shape.
   *
   * @param operation for the message, such as "fp8 attention"
   * @throws KernelException if the error is too large
   */
  static void check(
      Compute compute, String operation, AttentionShape shape, Implementation implementation) {
    double error = error(compute, shape, implementation);
    // Also if the error is not a number.
    if (!(error <= LARGEST_ERROR)) {
      throw new KernelException(
          String.format(
              Locale.ROOT,
              "Cannot use %s of %s: its results are wrong by %.3g of their size, more than %s",
              operation,
              shape,
              error,
              LARGEST_ERROR));
    }
  }

  /** {@code |result - expected| / |expected|} over the first and the last head. */
  static double error(Compute compute, AttentionShape shape, Implementation implementation) {
    double factor = QkNormRotary.factor(shape.width());
    try (TensorScope scope = new TensorScope()) {
      Tensor query = numbers(compute, shape, shape.queries(), KEY_ROWS, 0.7, factor);
      Tensor key = numbers(compute, shape, shape.keys(), KEY_ROWS, 1.1, factor);
      Tensor value = numbers(compute, shape, shape.keys(), VALUE_ROWS, 1.9, TYPICAL_VALUE);
      Tensor out =
          Ops.empty(compute, ScalarType.Byte, shape.queries(), shape.heads(), shape.width())
              .fill_(new Scalar(NAN))
              .view(ScalarType.Float8_e4m3fn);
      implementation.apply(query, key, value, out);
      SequenceAttention attention = new AtenSequenceAttention();
      double difference = 0;
      double size = 0;
      for (long head : new long[] {0, shape.heads() - 1}) {
        Tensor expected =
            attention.apply(
                head(query, head, 1 / factor), head(key, head, 1 / factor), head(value, head, 1));
        difference += squares(head(out, head, 1).sub(expected));
        size += squares(expected);
      }
      return Math.sqrt(difference / size);
    }
  }

  /** NaN in e4m3. */
  private static final long NAN = 0x7f;

  /** {@code [rows, H, d]}: waves of unlike frequencies, of which {@code different} rows differ. */
  private static Tensor numbers(
      Compute compute,
      AttentionShape shape,
      long rows,
      long different,
      double frequency,
      double size) {
    Tensor waves =
        torch
            .outer(counting(compute, different), counting(compute, shape.heads() * shape.width()))
            .mul_(new Scalar(frequency))
            .sin_()
            .mul_(new Scalar(size * Math.sqrt(2)));
    Tensor bytes = AtenFp8Attention.e4m3(waves).view(ScalarType.Byte);
    long[] order = LongStream.range(0, rows).map(row -> row * (row + 3) % different).toArray();
    return bytes
        .index_select(0, Ops.of(order, rows).to(bytes.device(), ScalarType.Long))
        .view(rows, shape.heads(), shape.width())
        .view(ScalarType.Float8_e4m3fn);
  }

  /** 1, 2, 3, .. in float64. */
  private static Tensor counting(Compute compute, long count) {
    return torch.arange(
        new Scalar(1.0), new Scalar(count + 1.0), compute.options(ScalarType.Double));
  }

  /** One head as {@code [1, 1, rows, d]} in float32. */
  private static Tensor head(Tensor rows, long head, double factor) {
    return rows.select(1, head)
        .to(ScalarType.Float)
        .mul_(new Scalar(factor))
        .unsqueeze(0)
        .unsqueeze(0);
  }

  private static double squares(Tensor x) {
    return x.square().sum().item_double();
  }
}
