package io.glmimage.model.dit;

import io.glmimage.tensor.Ops;
import io.glmimage.weights.Weights;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;

/**
 * Two linear layers with an activation between them.
 *
 * @param firstWeight {@code [F, I]}
 * @param firstBias {@code [F]}
 * @param secondWeight {@code [O, F]}
 * @param secondBias {@code [O]}
 */
record Mlp(Tensor firstWeight, Tensor firstBias, Tensor secondWeight, Tensor secondBias) {
  /**
   * @param first name of the first layer below the prefix of {@code weights}
   * @param second name of the second layer
   */
  static Mlp load(
      Weights weights, String first, String second, int inputs, int features, int outputs) {
    return new Mlp(
        weights.get(first + ".weight", features, inputs),
        weights.get(first + ".bias", features),
        weights.get(second + ".weight", outputs, features),
        weights.get(second + ".bias", outputs));
  }

  /** {@code [.., I] -> [.., O]} */
  Tensor apply(Tensor x, UnaryOperator<Tensor> activation) {
    return Ops.linear(
        activation.apply(Ops.linear(x, firstWeight, firstBias)), secondWeight, secondBias);
  }
}
