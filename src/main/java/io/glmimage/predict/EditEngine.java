package io.glmimage.predict;

import io.glmimage.error.DeviceMemoryException;
import io.glmimage.kernel.KernelSelection;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import java.util.ArrayList;
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
   * @throws DeviceMemoryException if the device's memory does not suffice for all of them at once;
   *     memory that was kept for later is free then
   * @throws RuntimeException only for what is not one request's fault: a broken device, a closed
   *     engine
   */
  List<EditResult> edit(List<EditRequest> requests);

  /**
   * As {@link #edit}, in halves, halves of halves and in the end one by one where the device's
   * memory does not suffice: only a request that does not fit alone fails for that.
   */
  default List<EditResult> editInHalves(List<EditRequest> requests) {
    try {
      return edit(requests);
    } catch (DeviceMemoryException e) {
      if (requests.size() == 1) {
        return List.of(EditResult.failed(requests.get(0).id(), e));
      }
      int half = requests.size() / 2;
      List<EditResult> results = new ArrayList<>(editInHalves(requests.subList(0, half)));
      results.addAll(editInHalves(requests.subList(half, requests.size())));
      return results;
    }
  }

  /** What runs here, for logs and reports, such as {@code "GLM-Image on cpu, float32"}. */
  String description();

  /** The implementation of each operation and the reason for it; empty where nothing is chosen. */
  default List<KernelSelection> kernels() {
    return List.of();
  }

  /** GPU memory in use, in bytes; 0 on a CPU and where it is not known. Any thread may ask. */
  default long deviceMemoryBytes() {
    return 0;
  }

  @Override
  void close();
}
