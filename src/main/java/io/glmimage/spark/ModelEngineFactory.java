package io.glmimage.spark;

import io.glmimage.error.JobException;
import io.glmimage.error.UsageException;
import io.glmimage.io.Storage;
import io.glmimage.predict.EditEngine;
import io.glmimage.predict.GlmImageEngine;
import java.io.IOException;
import java.nio.file.Path;

/** Opens the GLM-Image engine on a model folder, or on the model of the resources. */
public record ModelEngineFactory(EngineOptions options) implements EngineFactory {
  private static final long serialVersionUID = 1L;

  @Override
  public EditEngine open(String device, Storage storage) {
    Path folder;
    try {
      folder = ModelFolder.local(options.model(), storage);
    } catch (IOException e) {
      throw new JobException("Cannot load model " + modelName() + ": " + e.getMessage(), e);
    }
    return GlmImageEngine.load(folder, device);
  }

  @Override
  public String modelName() {
    return options.modelName();
  }

  @Override
  public String fingerprint(Storage storage) {
    try {
      // The embedded model's folder is local, and its files have the same names and sizes.
      String folder =
          options.model() == null
              ? ModelFolder.local(null, storage).toUri().toString()
              : options.model();
      return ModelFingerprint.of(folder, storage);
    } catch (IOException e) {
      throw new JobException("Cannot load model " + modelName() + ": " + e.getMessage(), e);
    }
  }

  @Override
  public void check(Storage storage) {
    if (options.model() == null) {
      return;
    }
    try {
      if (!storage.isFolder(options.model())) {
        throw new UsageException("Cannot load model: " + options.model() + " is not a folder");
      }
      if (!storage.exists(options.model() + "/model_index.json")) {
        throw new UsageException(
            "Cannot load model: "
                + options.model()
                + " holds no model_index.json; --model takes a folder in the Hugging Face layout");
      }
    } catch (IOException e) {
      throw new UsageException("Cannot load model " + options.model() + ": " + e.getMessage(), e);
    }
  }
}
