package io.glmimage.model.dit;

import io.glmimage.tensor.Ops;
import io.glmimage.weights.Weights;
import org.bytedeco.pytorch.Tensor;

/**
 * A linear layer with bias, {@code [.., I] -> [.., O]}, always in the compute dtype. The large
 * layers inside the blocks are {@link io.glmimage.kernel.Linear}, which may be 8-bit.
 *
 * @param weight {@code [O, I]}
 * @param bias {@code [O]}
 */
record Projection(Tensor weight, Tensor bias) {
  static Projection load(Weights weights, String name, long inputs, long outputs) {
    return new Projection(
        weights.get(name + ".weight", outputs, inputs), weights.get(name + ".bias", outputs));
  }

  /** {@code [.., I] -> [.., O]} */
  Tensor apply(Tensor x) {
    return Ops.linear(x, weight, bias);
  }
}
