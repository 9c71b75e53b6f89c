package io.glmimage.kernel;

import org.bytedeco.pytorch.Tensor;

/**
 * Rounds numbers to e4m3 with one scale per row: {@code scale = max|x| / 448}, where 448 is the
 * largest e4m3 number, and {@code value = x * (448 / max|x|)} to the nearest e4m3, ties to even.
 * {@code max|x|} is taken as {@link #SMALLEST} at least, so that a row of zeros gives zeros. The
 * result of a preceding activation is quantized from its float32 value, without a rounding to the
 * input's dtype.
 *
 * <p>T rows, K width. Moves {@code T K} elements in and {@code T K} bytes out.
 */
public interface QuantizeRows {
  /** The largest e4m3 number, 448. */
  double LARGEST = KernelConstants.number("E4M3_LARGEST");

  /** The lower bound of {@code max|x|}, so that a row of zeros does not divide by zero. */
  double SMALLEST = KernelConstants.number("E4M3_SMALLEST_ROW");

  /**
   * @param x {@code [T, K]} contiguous
   * @return e4m3, of the caller's scope
   */
  Rows quantize(Tensor x);

  /**
   * {@link #quantize} of {@code gelu(x)} with the tanh approximation.
   *
   * @param x {@code [T, K]} contiguous
   * @return e4m3, of the caller's scope
   */
  Rows gelu(Tensor x);

  /**
   * {@link #quantize} of {@code silu(gate) * up}. Moves {@code 2 T K} elements in.
   *
   * @param gateUp {@code [T, 2 K]} contiguous: the gate, then the up projection
   * @return e4m3, {@code [T, K]}, of the caller's scope
   */
  Rows siluMul(Tensor gateUp);
}
