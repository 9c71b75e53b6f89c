package io.glmimage.spark.engine;

import io.glmimage.io.FileSource;
import io.glmimage.io.LocalFolders;
import io.glmimage.io.Storage;
import io.glmimage.spark.weights.LocalCheckpoints;
import io.glmimage.spark.weights.WeightsOptions;
import io.glmimage.weights.CheckpointListing;
import java.io.IOException;
import java.nio.file.Path;

/** Finds a model on the local disk, or copies it there. */
final class ModelFolder {
  private static final String EMBEDDED_RESOURCE = "models/" + EngineOptions.EMBEDDED_MODEL;

  private ModelFolder() {}

  /** The embedded model, unpacked if it is in a jar. */
  static Path embedded() throws IOException {
    return LocalFolders.ofResource(
        ModelFolder.class.getClassLoader(), EMBEDDED_RESOURCE, "model_index.json");
  }

  /**
   * The model's folder itself if it is local, else its copy in the weights cache of this node. The
   * process keeps the copy until it ends.
   *
   * @param model a folder on any Hadoop file system, or null for the embedded model
   * @throws io.glmimage.error.GlmImageException if the model cannot be read
   */
  static Path local(String model, Storage storage) throws IOException {
    if (model == null) {
      return embedded();
    }
    Path local = storage.local(model);
    if (local != null) {
      return local;
    }
    FileSource source = storage.checkpoint(model);
    try {
      return LocalCheckpoints.cached(
          CheckpointListing.read(source), source, WeightsOptions.defaults());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while reading " + model, e);
    }
  }
}
