package io.glmimage.kernel;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** {@link SiluMul} from two libtorch operations. */
final class AtenSiluMul implements SiluMul {
  @Override
  public Tensor siluMul(Tensor gateUp) {
    long inner = gateUp.size(1) / 2;
    return torch.silu(gateUp.narrow(1, 0, inner)).contiguous().mul_(gateUp.narrow(1, inner, inner));
  }
}
