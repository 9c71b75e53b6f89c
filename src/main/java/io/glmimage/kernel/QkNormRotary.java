package io.glmimage.kernel;

import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * From the fused projection to attention's inputs: layer norm without weights over every head of
 * query and key, two-dimensional rotary embedding of the image rows (by halves: {@code (a, b)}
 * becomes {@code (a cos - b sin, b cos + a sin)}), and keys and values to where attention reads
 * them.
 *
 * <p>T rows, D = H d width, H heads of d. Reads {@code [T, 3 D]} and writes as much: 6 T D
 * elements, which is the floor; the angles are {@code T d} float32 more. Norm and rotation in
 * float32. Empty rows launch nothing.
 */
@FunctionalInterface
public interface QkNormRotary {
  /**
   * @param qkv {@code [T, 3 D]} contiguous: query, key, value
   * @param eps of the norms
   * @param query {@code [T, H, d]} contiguous; overwritten
   * @param destinations for every sequence of the layout, in order, where its keys and values go
   */
  void apply(
      Tensor qkv, PackedLayout layout, double eps, Tensor query, List<KeyValueRows> destinations);

  /**
   * The rows of one sequence in its attention buffers; what lies before them in the same buffers
   * (cached source tokens) is none of this operation's business.
   *
   * @param key {@code [rows, H, d]} contiguous
   * @param value {@code [rows, H, d]} contiguous
   */
  record KeyValueRows(Tensor key, Tensor value) {}
}
