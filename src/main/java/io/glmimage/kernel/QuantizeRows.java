package io.glmimage.kernel;

import org.bytedeco.pytorch.Tensor;

/**
 * Numbers to e4m3 with a scale a row: {@code scale = max|x| / 448} (448 is the largest e4m3),
 * {@code value = x * (448 / max|x|)} to the nearest e4m3, ties to even. A row of zeros gives zeros:
 * {@code max|x|} counts as {@value #SMALLEST} at least. What is quantized is the float32 value of
 * an operation, not its rounding to the input's dtype.
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
   * {@link #quantize} of {@code gelu(x)}, gelu by its tanh approximation.
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
