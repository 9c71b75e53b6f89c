package io.glmimage.spark;

import io.glmimage.io.Storage;
import io.glmimage.predict.EditEngine;
import java.io.Serializable;

/**
 * Describes an engine; executors get the description and open the engine themselves. Equal
 * factories share one engine in a JVM, so implementations have value equality (records do).
 */
public interface EngineFactory extends Serializable {
  /**
   * Loads the model. Called once for each device of a JVM, whatever the number of tasks.
   *
   * @param device {@code auto}, {@code cpu}, {@code cuda} or {@code cuda:N}
   * @param storage for models that are not on a local disk
   * @throws RuntimeException if the model cannot be loaded; it is not tried again in this JVM
   */
  EditEngine open(String device, Storage storage);

  /** The model's name in tables and reports. */
  String modelName();

  /**
   * Cheap checks on the driver, before any work.
   *
   * @throws io.glmimage.error.UsageException if there is no such model
   */
  void check(Storage storage);

  /** Whether sources are read and pictures written; not so where only the bookkeeping is tried. */
  default boolean touchesPictures() {
    return true;
  }
}
