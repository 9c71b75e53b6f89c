package io.glmimage.predict;

import io.glmimage.kernel.KernelSelection;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import io.glmimage.request.ResultReceiver;
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
   * As {@link #edit(List)}, but hands over each result as soon as it exists, in any order. An
   * engine that makes all images together hands them over at the end.
   *
   * @throws RuntimeException as {@link #edit(List)}; results that were handed over before are valid
   */
  default void edit(List<EditRequest> requests, ResultReceiver receiver) {
    List<EditResult> results = edit(requests);
    if (results.size() != requests.size()) {
      throw new IllegalStateException(
          description() + " gave " + results.size() + " results for " + requests.size());
    }
    for (int i = 0; i < results.size(); i++) {
      receiver.edited(i, results.get(i));
    }
  }

  /**
   * The number of requests that a call should have, if so many are waiting. With fewer, each takes
   * longer; with more, none is faster.
   */
  default int rowsTogether() {
    return 1;
  }

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
