package io.glmimage.predict;

import io.glmimage.kernel.KernelSelection;
import io.glmimage.pipeline.GlmImagePipeline;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import io.glmimage.request.ResultReceiver;
import io.glmimage.tensor.DeviceName;
import io.glmimage.tensor.Precision;
import io.glmimage.weights.Adapter;
import io.glmimage.weights.CheckpointFolder;
import io.glmimage.weights.LoadProgress;
import java.nio.file.Path;
import java.util.List;

/**
 * The {@link EditEngine} of a checkpoint. Any thread may call the engine; calls run one after the
 * other. This lock serves programs that use the class directly. {@link LoadedModels} gives out
 * turns itself, in the order of arrival, so that its callers never wait for this lock.
 */
public final class GlmImageEngine implements EditEngine {
  private final GlmImagePipeline pipeline;
  private boolean closed;

  private GlmImageEngine(GlmImagePipeline pipeline) {
    this.pipeline = pipeline;
  }

  /**
   * As {@link #load(Path, List, EngineSettings, LoadProgress)}, in the default precision of the
   * device.
   *
   * @param device {@code "auto"}, {@code "cpu"}, {@code "cuda"} or {@code "cuda:N"}
   * @throws IllegalArgumentException for any other device name
   */
  public static GlmImageEngine load(Path modelFolder, String device) {
    return load(
        modelFolder, List.of(), EngineSettings.of(DeviceName.parse(device)), LoadProgress.NONE);
  }

  /** As {@link #load(Path, List, EngineSettings, LoadProgress)}, without adapters. */
  public static GlmImageEngine load(
      Path modelFolder, EngineSettings settings, LoadProgress progress) {
    return load(modelFolder, List.of(), settings, progress);
  }

  /**
   * Loads a checkpoint. The engine computes in float32 on a CPU and in bfloat16 on a GPU, except
   * for the layers that {@link Precision#FP8} covers.
   *
   * @param modelFolder a local folder in the Hugging Face layout
   * @param adapters LoRA adapters to merge into the weights, in this order
   * @param progress receives the number of loaded bytes
   * @throws io.glmimage.error.CheckpointException if the checkpoint is incomplete, damaged or of
   *     another architecture
   * @throws io.glmimage.error.DeviceException if libtorch cannot use the GPU, or the GPU does not
   *     support the precision
   * @throws io.glmimage.error.GlmImageException if fused kernels are forced and cannot run
   */
  public static GlmImageEngine load(
      Path modelFolder, List<Adapter> adapters, EngineSettings settings, LoadProgress progress) {
    CheckpointFolder folder =
        CheckpointFolder.open(modelFolder).withAdapters(adapters).withProgress(progress);
    GlmImagePipeline pipeline =
        GlmImagePipeline.load(
            folder, settings.device(), settings.precision(), settings.kernels(), settings.memory());
    folder.loaded();
    return new GlmImageEngine(pipeline);
  }

  /**
   * The device that a name denotes on this machine: the CPU or a numbered GPU.
   *
   * @throws io.glmimage.error.DeviceException if libtorch cannot use the GPU
   */
  public static DeviceName resolveDevice(DeviceName name) {
    return GlmImagePipeline.resolveDevice(name);
  }

  @Override
  public synchronized List<EditResult> edit(List<EditRequest> requests) {
    checkOpen();
    return pipeline.edit(requests);
  }

  @Override
  public synchronized void edit(List<EditRequest> requests, ResultReceiver receiver) {
    checkOpen();
    pipeline.edit(requests, receiver);
  }

  private void checkOpen() {
    if (closed) {
      throw new IllegalStateException("Cannot edit: the engine is closed");
    }
  }

  /** The slots of the prior, which decodes so many rows in about the time of one. */
  @Override
  public int rowsTogether() {
    return pipeline.rowsTogether();
  }

  @Override
  public String description() {
    return pipeline.description();
  }

  @Override
  public List<KernelSelection> kernels() {
    return pipeline.kernels();
  }

  @Override
  public long deviceMemoryBytes() {
    return pipeline.deviceMemoryBytes();
  }

  @Override
  public synchronized void close() {
    if (!closed) {
      closed = true;
      pipeline.close();
    }
  }
}
