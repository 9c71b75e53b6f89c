package io.glmimage.spark;

import java.util.Map;
import java.util.Optional;
import org.apache.spark.TaskContext;
import org.apache.spark.resource.ResourceInformation;

/** Which GPU a task uses. */
public final class GpuAssignment {
  /** The resource's name in Spark's settings: {@code spark.task.resource.gpu.amount}. */
  public static final String RESOURCE = "gpu";

  private GpuAssignment() {}

  /** The address that Spark gave to the running task, if it gave one. */
  public static Optional<String> ofTask() {
    TaskContext task = TaskContext.get();
    return task == null ? Optional.empty() : address(task.resourcesJMap());
  }

  static Optional<String> address(Map<String, ResourceInformation> resources) {
    ResourceInformation gpu = resources.get(RESOURCE);
    return gpu == null || gpu.addresses().length == 0
        ? Optional.empty()
        : Optional.of(gpu.addresses()[0]);
  }
}
