package io.glmimage.kernel;

import io.glmimage.tensor.Ops;
import org.bytedeco.pytorch.Tensor;

/** {@link GatedResidualAdaLayerNorm} as a multiply-add and {@link AtenAdaLayerNorm}. */
final class AtenGatedResidualAdaLayerNorm implements GatedResidualAdaLayerNorm {
  private final AdaLayerNorm adaLayerNorm = new AtenAdaLayerNorm();

  @Override
  public void apply(
      Tensor residual,
      Tensor branch,
      Tensor gate,
      Tensor scale,
      Tensor shift,
      PackedLayout layout,
      double eps,
      Rows out) {
    if (Ops.isEmpty(residual)) {
      return;
    }
    residual.addcmul_(branch, gate.index_select(0, layout.rowKind()));
    adaLayerNorm.apply(residual, scale, shift, layout, eps, out);
  }
}
