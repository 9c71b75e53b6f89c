package io.glmimage.spark.engine;

import io.glmimage.spark.weights.WeightsRef;
import java.io.Serializable;

/**
 * A LoRA adapter that tasks can find on their node.
 *
 * @param name its folder, for messages
 * @param scale factor of its change to the weights
 */
record DistributedAdapter(WeightsRef ref, String name, double scale) implements Serializable {
  private static final long serialVersionUID = 1L;

  /** Identifies the adapter's files and its scale in a process. */
  String version() {
    return ref.version() + "=" + scale;
  }
}
