package io.glmimage.kernel;

import io.glmimage.tensor.Ops;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** {@link LinearGelu} as libtorch's linear layer and its gelu. */
final class AtenLinearGelu implements LinearGelu {
  @Override
  public Tensor apply(Tensor x, Tensor weight, Tensor bias) {
    if (Ops.isEmpty(x) || Ops.isEmpty(weight)) {
      return x.new_empty(x.size(0), weight.size(0));
    }
    return torch.gelu_(Ops.linear(x, weight, bias), "tanh");
  }
}
