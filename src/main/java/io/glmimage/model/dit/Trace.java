package io.glmimage.model.dit;

import org.bytedeco.pytorch.Tensor;

/** Sees intermediate values of a forward, by name; they are valid during the call only. */
@FunctionalInterface
interface Trace {
  Trace NONE = (name, value) -> {};

  void accept(String name, Tensor value);
}
