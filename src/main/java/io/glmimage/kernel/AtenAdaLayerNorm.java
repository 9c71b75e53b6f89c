package io.glmimage.kernel;

import io.glmimage.tensor.Ops;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** {@link AdaLayerNorm} from libtorch's layer norm. */
final class AtenAdaLayerNorm implements AdaLayerNorm {
  @Override
  public void apply(
      Tensor x, Tensor scale, Tensor shift, PackedLayout layout, double eps, Rows out) {
    if (Ops.isEmpty(x)) {
      return;
    }
    Tensor normed = Ops.layerNorm(x, null, null, eps);
    Tensor shiftRows = shift.index_select(0, layout.rowKind());
    // n + n * scale + shift, without a tensor of 1 + scale.
    normed = normed.addcmul(normed, scale.index_select(0, layout.rowKind()));
    if (out.quantized()) {
      AtenQuantizeRows.quantize(normed.add_(shiftRows), out);
    } else {
      torch.add_out(out.values(), normed, shiftRows);
    }
  }
}
