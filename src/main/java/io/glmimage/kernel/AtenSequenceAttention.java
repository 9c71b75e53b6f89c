package io.glmimage.kernel;

import io.glmimage.tensor.Ops;
import org.bytedeco.pytorch.Tensor;

/** {@link SequenceAttention} as libtorch's attention, which picks one of its own kernels. */
final class AtenSequenceAttention implements SequenceAttention {
  @Override
  public Tensor apply(Tensor query, Tensor key, Tensor value) {
    return Ops.attention(query, key, value, null, /* causal= */ false, /* grouped= */ false);
  }
}
