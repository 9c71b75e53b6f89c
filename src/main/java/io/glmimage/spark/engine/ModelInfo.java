package io.glmimage.spark.engine;

/** What the driver and the tasks know about a model. */
public interface ModelInfo {
  /** The model's name in tables and reports. */
  String modelName();

  /** Whether source images are read and edited images are written. */
  default boolean touchesImages() {
    return true;
  }
}
