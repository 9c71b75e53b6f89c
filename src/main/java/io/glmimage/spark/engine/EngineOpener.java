package io.glmimage.spark.engine;

import io.glmimage.io.Storage;
import io.glmimage.predict.EditEngine;
import io.glmimage.tensor.DeviceName;
import io.glmimage.weights.LoadProgress;
import java.io.Serializable;

/**
 * What tasks open an engine with. Equal openers share one engine in a process, so implementations
 * have value equality (records do).
 */
public interface EngineOpener extends ModelInfo, Serializable {
  /**
   * Loads the model. Called once for each device of a process, for all its tasks.
   *
   * @param storage reads models that are not on a local disk
   * @param progress receives the number of loaded bytes, if the model reports it
   * @throws RuntimeException if the model cannot be loaded
   */
  EditEngine open(DeviceName device, Storage storage, LoadProgress progress);

  /**
   * A value that is equal for all openers of the same model, in the same arithmetic. They share one
   * engine, wherever they find the model.
   */
  default Object sharedModel() {
    return this;
  }
}
