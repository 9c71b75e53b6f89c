package io.glmimage.spark.engine;

/** Which device a task works on. */
public final class TaskDevice {
  private TaskDevice() {}

  /**
   * What the running task uses: with {@code auto} and {@code cuda} as {@link GpuAssignment} says.
   *
   * @param requested {@code auto}, {@code cpu}, {@code cuda} or {@code cuda:N}
   * @return {@code cpu} or {@code cuda:N}; {@code cuda} where a GPU was asked for and there is none
   *     to give: loading on it says why
   * @throws io.glmimage.error.DeviceException if Spark assigned a GPU that libtorch cannot use
   */
  public static String of(String requested) {
    if (!(requested.equals("auto") || requested.equals("cuda"))) {
      return requested;
    }
    return orRequested(requested, GpuAssignment.device());
  }

  /** The CPU is not what somebody gets who asked for a GPU. */
  static String orRequested(String requested, String given) {
    return requested.equals("cuda") && given.equals("cpu") ? requested : given;
  }
}
