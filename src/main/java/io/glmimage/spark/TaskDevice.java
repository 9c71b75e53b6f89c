package io.glmimage.spark;

import java.util.Map;
import org.apache.spark.TaskContext;
import org.apache.spark.resource.ResourceInformation;

/** Which device a task works on. */
final class TaskDevice {
  private TaskDevice() {}

  /**
   * The GPU that Spark gave to the task, if any; else what the user asked for.
   *
   * @param requested {@code auto}, {@code cpu}, {@code cuda} or {@code cuda:N}
   * @param task null outside of a task
   */
  static String of(String requested, TaskContext task) {
    if (task == null || !(requested.equals("auto") || requested.equals("cuda"))) {
      return requested;
    }
    Map<String, ResourceInformation> resources = task.resourcesJMap();
    ResourceInformation gpu = resources.get("gpu");
    return gpu == null || gpu.addresses().length == 0 ? requested : "cuda:" + gpu.addresses()[0];
  }
}
