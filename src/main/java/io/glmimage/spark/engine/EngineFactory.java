package io.glmimage.spark.engine;

import io.glmimage.io.Storage;
import io.glmimage.predict.EditEngine;
import io.glmimage.weights.LoadProgress;
import java.io.Serializable;
import org.apache.spark.sql.SparkSession;

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

  /**
   * As {@link #open(String, Storage)}.
   *
   * @param progress is told how far the loading is, where that can be said
   */
  default EditEngine open(String device, Storage storage, LoadProgress progress) {
    return open(device, storage);
  }

  /**
   * Makes the model reachable for the executors of a session. Called on the driver, after {@link
   * #check}; tasks get {@link DistributedEngines#engines}.
   *
   * @throws io.glmimage.error.GlmImageException if the model cannot be read
   */
  default DistributedEngines distribute(SparkSession spark) {
    return new DistributedEngines(this, null);
  }

  /**
   * As {@link #distribute}, until the session ends: for datasets whose rows are edited when
   * somebody asks for them. Equal factories share what it takes.
   *
   * @return what tasks open engines with
   * @throws io.glmimage.error.GlmImageException if the model cannot be read
   */
  default EngineFactory forSession(SparkSession spark) {
    return this;
  }

  /** The model's name in tables and reports. */
  String modelName();

  /**
   * What decides the pictures of this model: another text for another model, the same for the same
   * one wherever it lies. Rows are done again when it changes. Called on the driver.
   */
  default String fingerprint(Storage storage) {
    return modelName();
  }

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
