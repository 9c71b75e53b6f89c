package io.glmimage.kernel;

import org.bytedeco.pytorch.Tensor;

/**
 * Adaptive layer norm of packed rows: {@code LayerNorm(x) * (1 + scale[kind]) + shift[kind]}, the
 * norm without weights, {@code kind} the row's ({@link PackedLayout#rowKind}).
 *
 * <p>T rows, D width. Reads and writes {@code [T, D]} once: 2 T D elements, which is the floor; the
 * vectors are a few KiB. Statistics in float32. An empty {@code x} launches nothing.
 */
@FunctionalInterface
public interface AdaLayerNorm {
  /**
   * @param x {@code [T, D]} contiguous
   * @param scale {@code [2, D]} contiguous, image then text
   * @param shift {@code [2, D]} contiguous
   * @param out {@code [T, D]}; overwritten, quantized where it is ({@link QuantizeRows})
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
