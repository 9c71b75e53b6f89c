package io.glmimage.kernel;

import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.Precision;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * The rows of a matrix product's operand: plain numbers, or e4m3 values with one scale per row, by
 * which they are to be multiplied. T rows, K width.
 *
 * @param values {@code [T, K]} contiguous: float32 or bfloat16, or e4m3 if there are scales
 * @param scales {@code [T, 1]} float32 contiguous; null for plain numbers
 */
public record Rows(Tensor values, Tensor scales) {
  /** Plain numbers. */
  public Rows(Tensor values) {
    this(values, null);
  }

  /**
   * Uninitialised rows in the precision of {@code compute}, of the caller's scope.
   *
   * @param rows T
   * @param width K
   */
  public static Rows empty(Compute compute, long rows, long width) {
    return compute.precision() == Precision.FP8
        ? emptyE4m3(compute, rows, width)
        : new Rows(Ops.empty(compute, rows, width));
  }

  static Rows emptyE4m3(Compute compute, long rows, long width) {
    return new Rows(
        Ops.empty(compute, ScalarType.Float8_e4m3fn, rows, width),
        Ops.empty(compute, ScalarType.Float, rows, 1));
  }

  /** Whether these are e4m3 values with scales. */
  public boolean quantized() {
    return scales != null;
  }

  /** The numbers, {@code [T, K]}, of the caller's scope; in float32 if these are quantized. */
  public Tensor numbers() {
    return quantized() ? values.to(ScalarType.Float).mul(scales) : values;
  }
}
