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
 */
@FunctionalInterface
public interface QkNormRotary {
  /**
   * @param qkv {@code [T, 3 D]} contiguous: query, key, value
   * @param eps of the norms
   * @param query {@code [T, H, d]} contiguous; overwritten
   * @param destinations of keys and values, one for every sequence of the layout, in order
   */
  void apply(
      Tensor qkv, PackedLayout layout, double eps, Tensor query, List<KeyValueRows> destinations);

  /**
   * The rows of one sequence in its attention buffers. Other rows of the same buffers, such as
   * cached source tokens, are neither read nor written.
   *
   * @param key {@code [rows, H, d]} contiguous
   * @param value {@code [rows, H, d]} contiguous
   */
  record KeyValueRows(Tensor key, Tensor value) {}
}
