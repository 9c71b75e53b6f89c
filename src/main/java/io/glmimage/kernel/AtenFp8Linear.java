package io.glmimage.kernel;

import io.glmimage.tensor.Ops;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * {@link Fp8Linear} as a float32 product. The result differs from a GPU's e4m3 product only by the
 * order and precision of the sums.
 */
final class AtenFp8Linear implements Fp8Linear {
  @Override
  public Tensor apply(Rows x, Rows weight, Tensor bias, ScalarType type) {
    Tensor product =
        Ops.linear(
            x.values().to(ScalarType.Float), weight.values().to(ScalarType.Float), null); // [T, N]
    product.mul_(x.scales()).mul_(weight.scales().t()); // [T, 1], [1, N]
    if (bias != null) {
      product.add_(bias);
    }
    return product.to(type);
  }
}
