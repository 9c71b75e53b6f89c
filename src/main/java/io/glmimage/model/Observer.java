package io.glmimage.model;

import org.bytedeco.pytorch.Tensor;

/**
 * Sees intermediate values of a network or of the pipeline, by name. Used by tests and
 * measurements. A value is valid only during the call and must not be changed.
 */
@FunctionalInterface
public interface Observer {
  /** Ignores everything. */
  Observer NONE = (name, value) -> {};

  /**
   * Receives one value.
   *
   * @param name of the module or step that produced it
   */
  void accept(String name, Tensor value);
}
