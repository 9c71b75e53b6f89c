package io.glmimage.spark.engine;

import io.glmimage.error.JobException;
import io.glmimage.error.UsageException;
import io.glmimage.io.FileSource;
import io.glmimage.io.LocalFileSource;
import io.glmimage.io.Storage;
import io.glmimage.tensor.Precision;
import io.glmimage.weights.AdapterFiles;
import io.glmimage.weights.AdapterIdentity;
import io.glmimage.weights.AdapterSource;
import io.glmimage.weights.AdapterSpec;
import io.glmimage.weights.CheckpointForm;
import io.glmimage.weights.ModelFingerprint;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
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
    return options.nameWithAdapters();
  }

  @Override
  public String fingerprint(Storage storage) {
    try {
      String folder =
          options.model() == null
              ? ModelFolder.local(null, storage).toUri().toString()
              : options.model();
      String model = ModelFingerprint.of(folder, storage);
      StringBuilder identity = new StringBuilder(model);
      // Earlier runs recorded no precision for the default one. Their rows stay valid.
      if (options.precision() != Precision.AUTO) {
        identity.append(" in ").append(options.precision());
      }
      for (AdapterIdentity adapter : adapterIdentities(storage)) {
        identity.append(" with ").append(adapter.sha256()).append(" times ");
        identity.append(adapter.scale());
      }
      return identity.toString();
    } catch (IOException e) {
      throw new JobException("Cannot load model " + modelName() + ": " + e.getMessage(), e);
    }
  }

  @Override
  public List<AdapterIdentity> adapterIdentities(Storage storage) throws IOException {
    List<AdapterIdentity> identities = new ArrayList<>();
    for (AdapterSource adapter : adapters(storage)) {
      identities.add(
          new AdapterIdentity(
              adapter.source().name(), adapter.scale(), AdapterFiles.digest(adapter.source())));
    }
    return identities;
  }

  @Override
  public Optional<FileSource> checkpoint(Storage storage) throws IOException {
    if (options.model() != null) {
      return Optional.of(storage.checkpoint(options.model()));
    }
    return options.adapters().isEmpty()
        ? Optional.empty()
        : Optional.of(new LocalFileSource(ModelFolder.local(null, storage)));
  }

  @Override
  public List<AdapterSource> adapters(Storage storage) throws IOException {
    List<AdapterSource> sources = new ArrayList<>();
    for (AdapterSpec adapter : options.adapters()) {
      sources.add(new AdapterSource(storage.checkpoint(adapter.location()), adapter.scale()));
    }
    return sources;
  }

  @Override
  public void check(Storage storage) {
    options.adapters().forEach(adapter -> check(adapter, storage));
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
                + " has no model_index.json"
                + CheckpointForm.withoutPipeline(storage.checkpoint(options.model())));
      }
    } catch (IOException e) {
      throw new UsageException("Cannot load model " + options.model() + ": " + e.getMessage(), e);
    }
  }

  private static void check(AdapterSpec adapter, Storage storage) {
    try {
      if (!storage.isFolder(adapter.location())) {
        throw new UsageException(
            "Cannot load model: "
                + CheckpointForm.adapterHubId(adapter.location())
                    .orElse("adapter " + adapter.location() + " is not a folder"));
      }
    } catch (IOException e) {
      throw new UsageException(
          "Cannot load model: adapter " + adapter.location() + ": " + e.getMessage(), e);
    }
  }
}
