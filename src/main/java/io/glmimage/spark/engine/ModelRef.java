package io.glmimage.spark.engine;

import io.glmimage.io.FileSource;
import io.glmimage.io.Storage;
import io.glmimage.weights.AdapterIdentity;
import io.glmimage.weights.AdapterSource;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import org.apache.spark.sql.SparkSession;

/** A model as the driver knows it. Nothing is loaded here; tasks get an {@link EngineOpener}. */
public interface ModelRef extends ModelInfo {
  /**
   * Identifies what decides the edited images: different for different models, and equal for the
   * same model in another place. Rows are edited again when it changes.
   */
  String fingerprint(Storage storage);

  /**
   * Cheap checks before any work.
   *
   * @throws io.glmimage.error.UsageException if the model does not exist
   */
  void check(Storage storage);

  /**
   * Makes the model available to the executors of a session, until the result is closed. Called
   * after {@link #check}.
   *
   * @throws io.glmimage.error.GlmImageException if the model cannot be read
   */
  DistributedEngines distribute(SparkSession spark);

  /**
   * As {@link #distribute}, until the session ends. Datasets are lazy, so no action is known to be
   * the last.
   *
   * @throws io.glmimage.error.GlmImageException if the model cannot be read
   */
  EngineOpener forSession(SparkSession spark);

  /**
   * The checkpoint to inspect on the driver before work begins.
   *
   * @return empty if there is none, as with the embedded model
   * @throws IOException if it cannot be read
   */
  default Optional<FileSource> checkpoint(Storage storage) throws IOException {
    return Optional.empty();
  }

  /**
   * What identifies the LoRA adapters, in the order in which they are merged.
   *
   * @throws IOException if they cannot be read
   */
  default List<AdapterIdentity> adapterIdentities(Storage storage) throws IOException {
    return List.of();
  }

  /**
   * The LoRA adapters to inspect with the checkpoint.
   *
   * @throws IOException if they cannot be read
   */
  default List<AdapterSource> adapters(Storage storage) throws IOException {
    return List.of();
  }
}
