package io.glmimage.predict;

import io.glmimage.kernel.KernelMode;
import io.glmimage.kernel.KernelSelection;
import io.glmimage.pipeline.GlmImagePipeline;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import io.glmimage.weights.CheckpointFolder;
import io.glmimage.weights.LoadProgress;
import java.nio.file.Path;
import java.util.List;

/** The {@link EditEngine} over a checkpoint. Threads take turns, a call at a time. */
public final class GlmImageEngine implements EditEngine {
  static final String STANDARD_PRECISION = "auto";

  private final GlmImagePipeline pipeline;
  private boolean closed;

  private GlmImageEngine(GlmImagePipeline pipeline) {
    this.pipeline = pipeline;
  }

  /**
   * Loads a checkpoint.
   *
   * @param modelFolder in the Hugging Face folder layout, on a local disk
   * @param device {@code "cpu"} (float32), {@code "cuda:N"} (bfloat16), or {@code "auto"}: the
   *     first GPU, else the CPU
   * @throws io.glmimage.error.CheckpointException if the checkpoint is incomplete, damaged or of
   *     another architecture
   * @throws io.glmimage.error.DeviceException if a GPU was asked for and libtorch cannot use it
   */
  public static GlmImageEngine load(Path modelFolder, String device) {
    return load(modelFolder, device, STANDARD_PRECISION, LoadProgress.NONE);
  }

  /**
   * As {@link #load(Path, String)}.
   *
   * @param progress is told how far it is
   */
  public static GlmImageEngine load(Path modelFolder, String device, LoadProgress progress) {
    return load(modelFolder, device, STANDARD_PRECISION, progress);
  }

  /**
   * As {@link #load(Path, String)}.
   *
   * @param precision what large products compute in: {@code auto} (as said above) or {@code fp8}
   * @param progress is told how far it is
   */
  public static GlmImageEngine load(
      Path modelFolder, String device, String precision, LoadProgress progress) {
    return load(modelFolder, device, precision, KernelMode.AUTO, progress);
  }

  /**
   * As {@link #load(Path, String, String, LoadProgress)}.
   *
   * @param kernels which implementations of the model's operations may run
   * @throws io.glmimage.error.GlmImageException if fused kernels are forced and cannot run
   */
  public static GlmImageEngine load(
      Path modelFolder,
      String device,
      String precision,
      KernelMode kernels,
      LoadProgress progress) {
    CheckpointFolder folder = CheckpointFolder.open(modelFolder).withProgress(progress);
    return new GlmImageEngine(GlmImagePipeline.load(folder, device, precision, kernels));
  }

  /**
   * The device that a name stands for here: {@code "cpu"} or {@code "cuda:N"}.
   *
   * @param name {@code "cpu"}, {@code "cuda"}, {@code "cuda:N"} or {@code "auto"}
   * @throws io.glmimage.error.DeviceException if a GPU was asked for and libtorch cannot use it
   */
  public static String resolveDevice(String name) {
    return GlmImagePipeline.resolveDevice(name);
  }

  @Override
  public synchronized List<EditResult> edit(List<EditRequest> requests) {
    if (closed) {
      throw new IllegalStateException("Cannot edit: the engine is closed");
    }
    return pipeline.edit(requests);
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
