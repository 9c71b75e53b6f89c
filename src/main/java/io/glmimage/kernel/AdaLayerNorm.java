package io.glmimage.kernel;

import org.bytedeco.pytorch.Tensor;

/**
 * Adaptive layer norm of packed rows: {@code LayerNorm(x) * (1 + scale[kind]) + shift[kind]}, the
 * norm without weights, and {@code kind} that of the row ({@link PackedLayout#rowKind}).
 *
 * <p>T rows, D width. Reads and writes {@code [T, D]} once, which is the floor: 2 T D elements. The
 * vectors are a few KiB. Statistics are in float32. An empty {@code x} launches nothing.
 */
@FunctionalInterface
public interface AdaLayerNorm {
  /**
   * @param x {@code [T, D]} contiguous
   * @param scale {@code [2, D]} contiguous, image then text
   * @param shift {@code [2, D]} contiguous
   * @param out {@code [T, D]}; overwritten. The result is quantized ({@link QuantizeRows}) if these
   *     rows are
   */
  void apply(Tensor x, Tensor scale, Tensor shift, PackedLayout layout, double eps, Rows out);

  /**
   * @param out {@code [T, D]} contiguous; overwritten
   * @return {@code out}
   */
  default Tensor apply(
      Tensor x, Tensor scale, Tensor shift, PackedLayout layout, double eps, Tensor out) {
    apply(x, scale, shift, layout, eps, new Rows(out));
    return out;
  }
}
