package io.glmimage.kernel;

import io.glmimage.tensor.Ops;
import java.util.List;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** {@link QkNormRotary} from libtorch's layer norm and a rolled copy of its result. */
final class AtenQkNormRotary implements QkNormRotary {
  @Override
  public void apply(
      Tensor qkv,
      PackedLayout layout,
      double eps,
      double valueFactor,
      Tensor query,
      List<KeyValueRows> destinations) {
    if (Ops.isEmpty(qkv)) {
      return;
    }
    long heads = query.size(1);
    long headDim = query.size(2);
    // [T, 3 D] -> [T, 3, H, d]
    Tensor split = qkv.view(qkv.size(0), 3, heads, headDim);
    Tensor normed =
        Ops.layerNorm(split.narrow(1, 0, 2).to(ScalarType.Float), null, null, eps); // [T, 2, H, d]
    // Rolled by half a head, (a, b) is (b, a). Times (-sin, sin) it is the second term of both.
    Tensor rotated =
        normed
            .mul(layout.cosRows())
            .addcmul_(normed.roll(new long[] {headDim / 2}, -1), layout.sinRows());
    Tensor value = split.select(1, 2);
    if (Ops.dtype(query) == ScalarType.Float8_e4m3fn) {
      rotated = AtenFp8Attention.e4m3(rotated.mul(new Scalar(QkNormRotary.factor(headDim))));
      value = AtenFp8Attention.e4m3(value.to(ScalarType.Float).mul(new Scalar(valueFactor)));
    }
    query.copy_(rotated.select(1, 0));
    Tensor key = rotated.select(1, 1);
    for (int s = 0; s < destinations.size(); s++) {
      PackedLayout.Sequence sequence = layout.sequences().get(s);
      KeyValueRows to = destinations.get(s);
      to.key().copy_(key.narrow(0, sequence.offset(), sequence.rows()));
      to.value().copy_(value.narrow(0, sequence.offset(), sequence.rows()));
    }
  }
}
