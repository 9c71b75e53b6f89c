package io.glmimage.kernel;

import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * Makes the inputs of attention from the fused projection. First comes layer norm without weights
 * over every head of query and key. Then the image rows get two-dimensional rotary embedding by
 * halves, {@code (a, b) -> (a cos - b sin, b cos + a sin)}. Keys and values are written to the
 * buffers that attention reads.
 *
 * <p>T rows, D = H d width, H heads of d. Reads {@code [T, 3 D]} and writes as much. The floor is 6
 * T D elements, and {@code T d} float32 for the angles. Norm and rotation are in float32. Empty
 * rows launch nothing.
 *
 * <p>If {@code query} is e4m3, keys and values are, too. Then queries and keys are multiplied by
 * {@link #factor}, values by a factor of the caller's, and rounded once. Values out of e4m3's range
 * become its largest number.
 */
@FunctionalInterface
public interface QkNormRotary {
  /**
   * @param qkv {@code [T, 3 D]} contiguous: query, key, value
   * @param eps of the norms
   * @param valueFactor of e4m3 values; otherwise not used
   * @param query {@code [T, H, d]} contiguous; overwritten
   * @param destinations of keys and values, one for every sequence of the layout, in order
   */
  void apply(
      Tensor qkv,
      PackedLayout layout,
      double eps,
      double valueFactor,
      Tensor query,
      List<KeyValueRows> destinations);

  /** {@link #apply} without e4m3. */
  default void apply(
      Tensor qkv, PackedLayout layout, double eps, Tensor query, List<KeyValueRows> destinations) {
    apply(qkv, layout, eps, 1, query, destinations);
  }

  /**
   * The factor of e4m3 queries and keys. A normed head of width d has no element above the square
   * root of d, also after rotation. This is the largest power of two that keeps such an element in
   * e4m3's range.
   */
  static double factor(long headDim) {
    return Math.pow(
        2, Math.floor(Math.log(QuantizeRows.LARGEST / Math.sqrt((double) headDim)) / Math.log(2)));
  }

  /**
   * The rows of one sequence in its attention buffers. Other rows of the same buffers, such as
   * cached source tokens, are neither read nor written.
   *
   * @param key {@code [rows, H, d]} contiguous
   * @param value {@code [rows, H, d]} contiguous
   */
  record KeyValueRows(Tensor key, Tensor value) {}
}
