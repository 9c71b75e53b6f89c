package io.glmimage.spark;

import io.glmimage.io.LocalFolders;
import io.glmimage.io.Storage;
import java.io.IOException;
import java.nio.file.Path;

/** Gets a model onto the local disk. */
final class ModelFolder {
  private static final String EMBEDDED_RESOURCE = "models/" + EngineOptions.EMBEDDED_MODEL;

  private ModelFolder() {}

  /**
   * The model's folder itself if it is local, else a copy of it that goes when the JVM ends.
   *
   * @param model a folder on any Hadoop file system, or null for the model of the resources
   */
  static Path local(String model, Storage storage) throws IOException {
    if (model == null) {
      return LocalFolders.ofResource(
          ModelFolder.class.getClassLoader(), EMBEDDED_RESOURCE, "model_index.json");
    }
    Path local = storage.local(model);
    if (local != null) {
      return local;
    }
    Path copy = LocalFolders.temporary("glm-image-model");
    storage.download(model, copy);
    return copy;
  }
}
