package io.glmimage.spark.engine;

import io.glmimage.error.JobException;
import io.glmimage.error.UsageException;
import io.glmimage.io.Storage;
import io.glmimage.predict.EditEngine;
import io.glmimage.predict.GlmImageEngine;
import io.glmimage.spark.weights.WeightsDistribution;
import io.glmimage.spark.weights.WeightsHandle;
import io.glmimage.spark.weights.WeightsRef;
import io.glmimage.weights.CheckpointForm;
import io.glmimage.weights.LoadProgress;
import io.glmimage.weights.ModelFingerprint;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Objects;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;

/**
 * Opens the GLM-Image engine on a model folder, or on the model of the resources. Two of them are
 * equal if they open the same model in the same precision with the same choice of kernels, however
 * it comes here.
 *
 * @param options what to open
 * @param ref where tasks find it, or null: where {@link ModelFolder} finds it
 */
public record ModelEngineFactory(EngineOptions options, WeightsRef ref) implements EngineFactory {
  private static final long serialVersionUID = 1L;

  /** On the driver, before {@link #distribute}. */
  public ModelEngineFactory(EngineOptions options) {
    this(options, null);
  }

  @Override
  public EditEngine open(String device, Storage storage) {
    return open(device, storage, LoadProgress.NONE);
  }

  @Override
  public EditEngine open(String device, Storage storage, LoadProgress progress) {
    return GlmImageEngine.load(
        folder(storage), device, options.precision(), options.kernels(), progress);
  }

  private Path folder(Storage storage) {
    try {
      return ref == null ? ModelFolder.local(options.model(), storage) : ref.localFolder();
    } catch (IOException e) {
      throw new JobException("Cannot load model " + modelName() + ": " + e.getMessage(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new JobException("Interrupted while waiting for the model's weights", e);
    }
  }

  @Override
  public DistributedEngines distribute(SparkSession spark) {
    DistributedEngines running = GlmImagePlugin.shared(options);
    return running == null ? distribute(options, spark) : running;
  }

  @Override
  public EngineFactory forSession(SparkSession spark) {
    return options.model() == null ? this : SessionEngines.of(options, spark);
  }

  static DistributedEngines distribute(EngineOptions options, SparkSession session) {
    if (options.model() == null) {
      // Every executor has the embedded model in its jar.
      return new DistributedEngines(new ModelEngineFactory(options), null);
    }
    JavaSparkContext spark = JavaSparkContext.fromSparkContext(session.sparkContext());
    return distribute(options, WeightsDistribution.look(spark, options.model()), spark);
  }

  static DistributedEngines distribute(
      EngineOptions options, WeightsDistribution.Found model, JavaSparkContext spark) {
    WeightsHandle weights =
        WeightsDistribution.start(
            spark, options.model(), model, options.weights(), options.cache(), status -> {});
    return new DistributedEngines(new ModelEngineFactory(options, weights.ref()), weights);
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
      String model = ModelFingerprint.of(folder, storage);
      // Pictures of an earlier run are kept if it computed alike.
      return options.precision().equals(EngineOptions.DEFAULT_PRECISION)
          ? model
          : model + " in " + options.precision();
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

  @Override
  public boolean equals(Object other) {
    return other instanceof ModelEngineFactory that
        && (ref == null
            ? that.ref == null && options.equals(that.options)
            : ref.equals(that.ref)
                && options.precision().equals(that.options.precision())
                && options.kernels() == that.options.kernels());
  }

  @Override
  public int hashCode() {
    return ref == null
        ? options.hashCode()
        : Objects.hash(ref, options.precision(), options.kernels());
  }
}
