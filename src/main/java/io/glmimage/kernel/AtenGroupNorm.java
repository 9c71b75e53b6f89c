package io.glmimage.kernel;

import io.glmimage.tensor.Ops;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** {@link GroupNorm} from libtorch's operations. */
final class AtenGroupNorm implements GroupNorm {
  @Override
  public Tensor norm(Tensor x, Tensor offset, Affine affine) {
    Tensor shifted = offset == null ? x : x.add(offset.view(1, -1, 1, 1));
    // On a GPU, libtorch's result has its channels first.
    return Ops.channelsLast(
        Ops.groupNorm(shifted, affine.groups(), affine.weight(), affine.bias(), affine.eps()));
  }

  @Override
  public Tensor normSilu(Tensor x, Tensor offset, Affine affine) {
    return torch.silu_(norm(x, offset, affine));
  }
}
