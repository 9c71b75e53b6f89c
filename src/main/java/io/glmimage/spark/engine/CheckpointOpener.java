package io.glmimage.spark.engine;

import io.glmimage.error.JobException;
import io.glmimage.io.Storage;
import io.glmimage.kernel.KernelMode;
import io.glmimage.predict.EditEngine;
import io.glmimage.predict.EngineSettings;
import io.glmimage.predict.GlmImageEngine;
import io.glmimage.predict.LoadedModels;
import io.glmimage.spark.weights.WeightsRef;
import io.glmimage.tensor.DeviceName;
import io.glmimage.tensor.MemoryRule;
import io.glmimage.tensor.Precision;
import io.glmimage.weights.Adapter;
import io.glmimage.weights.LoadProgress;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.SparkEnv;

/**
 * Opens the GLM-Image engine on a checkpoint.
 *
 * @param ref finds the checkpoint on a node; null for the embedded model, which is in the jar
 * @param adapters LoRA adapters that are merged into it
 */
record CheckpointOpener(EngineOptions options, WeightsRef ref, List<DistributedAdapter> adapters)
    implements EngineOpener {
  private static final long serialVersionUID = 1L;

  @Override
  public EditEngine open(DeviceName device, Storage storage, LoadProgress progress) {
    MemoryRule memory =
        new MemoryRule(
            options.memoryCheck(),
            SparkEnv.get() == null ? null : RapidsPool.of(SparkEnv.get().conf()),
            options.gpuMemoryBytes());
    return GlmImageEngine.load(
        folder(storage), local(), settings().withDevice(device).withMemory(memory), progress);
  }

  private List<Adapter> local() {
    List<Adapter> local = new ArrayList<>();
    for (DistributedAdapter adapter : adapters) {
      try {
        local.add(new Adapter(adapter.ref().localFolder(), adapter.name(), adapter.scale()));
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new JobException("Interrupted while waiting for adapter " + adapter.name(), e);
      }
    }
    return local;
  }

  private EngineSettings settings() {
    return new EngineSettings(options.device(), options.precision(), options.kernels());
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
  public String modelName() {
    return options.nameWithAdapters();
  }

  /**
   * A local folder that is used in place is shared with DJL models of the same folder. Otherwise
   * the way to the checkpoint counts as well, so that a wrong {@code --weights} is reported even if
   * the model is loaded.
   */
  @Override
  public Object sharedModel() {
    List<String> merged = adapters.stream().map(DistributedAdapter::version).toList();
    if (ref == null) {
      return LoadedModels.Checkpoint.of(EngineOptions.EMBEDDED_MODEL, settings(), merged);
    }
    return ref.isInPlace()
        ? LoadedModels.Checkpoint.of(ref.version(), settings(), merged)
        : new Received(ref, options.precision(), options.kernels(), merged);
  }

  private record Received(
      WeightsRef ref, Precision precision, KernelMode kernels, List<String> adapters) {}
}
