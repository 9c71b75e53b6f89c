package io.glmimage.spark.engine;

import io.glmimage.tensor.DeviceName;

/** The device of a task. */
public final class TaskDevice {
  private TaskDevice() {}

  /**
   * The device of the running task. For {@code auto} and {@code cuda}, {@link GpuAssignment}
   * chooses it.
   *
   * @return the CPU or a numbered GPU; {@code cuda} if a GPU is requested and none is assigned, so
   *     that loading on it reports the reason
   * @throws io.glmimage.error.DeviceException if Spark assigned a GPU that libtorch cannot use
   */
  public static DeviceName of(DeviceName requested) {
    return requested.isOpen() ? orRequested(requested, GpuAssignment.device()) : requested;
  }

  /** A task that requests a GPU must not get the CPU. */
  static DeviceName orRequested(DeviceName requested, DeviceName given) {
    return requested.equals(DeviceName.CUDA) && given.equals(DeviceName.CPU) ? requested : given;
  }
}
