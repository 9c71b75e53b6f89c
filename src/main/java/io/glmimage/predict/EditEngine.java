package io.glmimage.predict;

import io.glmimage.kernel.KernelSelection;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import java.util.List;

/**
 * A loaded model that edits images: plain values in and out, no Spark and no tensors. An engine
 * belongs to one device, and its callers take turns.
 */
public interface EditEngine extends AutoCloseable {
  /**
   * Makes one edited image per request, in order. A request that cannot be done gives a failed
   * result and does not affect the others; that includes a request for which the device has too
   * little memory. Each edited image depends on its own request only.
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

  /** The implementation of each operation and the reason for it; empty where nothing is chosen. */
  default List<KernelSelection> kernels() {
    return List.of();
  }

  /** GPU memory in use, in bytes; 0 on a CPU or if it is unknown. Any thread may call this. */
  default long deviceMemoryBytes() {
    return 0;
  }

  @Override
  void close();
}
