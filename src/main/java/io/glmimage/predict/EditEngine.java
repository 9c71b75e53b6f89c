package io.glmimage.predict;

import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import java.util.List;

/**
 * A loaded model that makes pictures. Plain values in and out; no Spark, no tensors. One engine
 * belongs to one device; its callers take turns.
 */
public interface EditEngine extends AutoCloseable {
  /**
   * Makes one picture per request, in order. A request that cannot be done gives a failed result
   * and leaves the others alone; each picture depends on its own request only.
   *
   * @throws RuntimeException only for what is not one request's fault: a broken device, a closed
   *     engine
   */
  List<EditResult> edit(List<EditRequest> requests);

  /** What runs here, for logs and reports, such as {@code "GLM-Image on cpu, float32"}. */
  String description();

  /** GPU memory in use, in bytes; 0 on a CPU and where it is not known. Any thread may ask. */
  default long deviceMemoryBytes() {
    return 0;
  }

  @Override
  void close();
}
