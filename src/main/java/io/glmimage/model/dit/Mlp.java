package io.glmimage.model.dit;

import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;

/** Two linear layers with an activation between them: {@code [.., I] -> [.., F] -> [.., O]}. */
record Mlp(Projection first, Projection second) {
  /** {@code [.., I] -> [.., O]} */
  Tensor apply(Tensor x, UnaryOperator<Tensor> activation) {
    return second.apply(activation.apply(first.apply(x)));
  }
}
