package io.glmimage.kernel;

import io.glmimage.tensor.Ops;
import org.bytedeco.pytorch.Tensor;

/** {@link RmsNormResidual} from libtorch's RMS norm. */
final class AtenRmsNormResidual implements RmsNormResidual {
  @Override
  public Tensor norm(Tensor x, Tensor weight, double eps) {
    return Ops.rmsNorm(x, weight, eps);
  }

  @Override
  public Tensor addThenNorm(
      Tensor residual, Tensor branch, Tensor branchWeight, Tensor nextWeight, double eps) {
    residual.add_(Ops.rmsNorm(branch, branchWeight, eps));
    return Ops.rmsNorm(residual, nextWeight, eps);
  }
}
