package io.glmimage.predict;

import io.glmimage.kernel.KernelSelection;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import java.util.List;

/**
 * A loaded model that edits images. Inputs and outputs are plain values, without Spark and tensors.
 * An engine belongs to one device, and its callers take turns.
 */
public interface EditEngine extends AutoCloseable {
  /**
   * Makes one edited image per request, in order. A request that cannot be completed gives a failed
   * result and does not affect the others. A request that exceeds the device's memory also gives a
   * failed result. Each edited image depends on its own request only.
   *
   * @throws RuntimeException only for failures that no single request caused: a broken device, a
   *     closed engine
   */
  List<EditResult> edit(List<EditRequest> requests);

  /**
   * Model, device and arithmetic, for logs and reports, such as {@code "GLM-Image on cpu,
   * float32"}.
   */
  String description();

  /**
   * The implementation of each operation and the reason for it; empty if the engine has no choice
   * of implementations.
   */
  default List<KernelSelection> kernels() {
    return List.of();
  }

  /** GPU memory in use, in bytes; 0 on a CPU or if unknown. Any thread may call this method. */
  default long deviceMemoryBytes() {
    return 0;
  }

  @Override
  void close();
}
