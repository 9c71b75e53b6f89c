package io.glmimage.kernel;

import org.bytedeco.pytorch.Tensor;

/**
 * The end of one branch of a block and the start of the next: {@code residual += gate[kind] *
 * branch}, in place, then {@link AdaLayerNorm} of the sum.
 *
 * <p>T rows, D width. Reads residual and branch, writes residual and norm, which is the floor: 4 T
 * D elements. Sum and statistics are in float32. The norm is that of the sum as stored, after its
 * rounding. Empty rows launch nothing.
 */
@FunctionalInterface
public interface GatedResidualAdaLayerNorm {
  /**
   * @param residual {@code [T, D]} contiguous; updated
   * @param branch {@code [T, D]} contiguous; may be overwritten
   * @param gate {@code [2, D]} contiguous, image then text
   * @param scale {@code [2, D]} contiguous, of the following norm
   * @param shift {@code [2, D]} contiguous, of the following norm
   * @param out {@code [T, D]}; overwritten with the modulated norm, which is quantized ({@link
   *     QuantizeRows}) if these rows are. May share memory with the branch's input
   */
  void apply(
      Tensor residual,
      Tensor branch,
      Tensor gate,
      Tensor scale,
      Tensor shift,
      PackedLayout layout,
      double eps,
      Rows out);

  /**
   * @param out {@code [T, D]} contiguous; overwritten with the modulated norm. May share memory
   *     with the branch's input
   * @return {@code out}
   */
  default Tensor apply(
      Tensor residual,
      Tensor branch,
      Tensor gate,
      Tensor scale,
      Tensor shift,
      PackedLayout layout,
      double eps,
      Tensor out) {
    apply(residual, branch, gate, scale, shift, layout, eps, new Rows(out));
    return out;
  }
}
