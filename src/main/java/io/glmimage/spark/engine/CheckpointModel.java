package io.glmimage.spark.engine;

import io.glmimage.error.JobException;
import io.glmimage.error.UsageException;
import io.glmimage.io.FileSource;
import io.glmimage.io.Storage;
import io.glmimage.tensor.Precision;
import io.glmimage.weights.CheckpointForm;
import io.glmimage.weights.ModelFingerprint;
import java.io.IOException;
import java.util.Optional;
import org.apache.spark.sql.SparkSession;

/** A GLM-Image checkpoint folder on any Hadoop file system, or the embedded model. */
public record CheckpointModel(EngineOptions options) implements ModelRef {
  @Override
  public DistributedEngines distribute(SparkSession spark) {
    return ModelDistributions.of(spark.sparkContext()).forJob(options);
  }

  @Override
  public EngineOpener forSession(SparkSession spark) {
    return ModelDistributions.of(spark.sparkContext()).forSession(options).opener();
  }

  @Override
  public String modelName() {
    return options.modelName();
  }

  @Override
  public String fingerprint(Storage storage) {
    try {
      String folder =
          options.model() == null
              ? ModelFolder.local(null, storage).toUri().toString()
              : options.model();
      String model = ModelFingerprint.of(folder, storage);
      // Earlier runs recorded no precision for the default one. Their rows stay valid.
      return options.precision() == Precision.AUTO ? model : model + " in " + options.precision();
    } catch (IOException e) {
      throw new JobException("Cannot load model " + modelName() + ": " + e.getMessage(), e);
    }
  }

  @Override
  public Optional<FileSource> checkpoint(Storage storage) throws IOException {
    return options.model() == null
        ? Optional.empty()
        : Optional.of(storage.checkpoint(options.model()));
  }

  @Override
  public void check(Storage storage) {
    if (options.model() == null) {
      return;
    }
    try {
      if (!storage.isFolder(options.model())) {
        throw new UsageException(
            "Cannot load model: "
                + CheckpointForm.hubId(options.model())
                    .orElse(options.model() + " is not a folder"));
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
