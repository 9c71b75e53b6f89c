package io.glmimage.kernel;

import org.bytedeco.pytorch.Tensor;

/** {@link BiasResidual} from two libtorch operations. */
final class AtenBiasResidual implements BiasResidual {
  @Override
  public void add(Tensor x, Tensor bias, Tensor residual) {
    x.add_(bias.view(1, -1, 1, 1)).add_(residual);
  }
}
