package io.glmimage.predict;

import io.glmimage.error.LostDeviceException;
import io.glmimage.tensor.DeviceName;
import java.util.Optional;
import java.util.ServiceLoader;

/**
 * Knows the device that a scheduler assigned to the running task. Implementations are found by
 * ServiceLoader, because this package does not know Spark.
 */
public interface TaskDevices {
  /**
   * The device assigned to the running task; empty outside tasks and for tasks without a GPU.
   *
   * @throws io.glmimage.error.DeviceException if libtorch cannot use that device
   */
  Optional<DeviceName> assigned();

  /**
   * The device of a task is lost. Ends the process if a scheduler replaces it, and returns
   * otherwise.
   */
  void lost(LostDeviceException lost);

  /** Tells the scheduler that a device is lost; see {@link #lost}. */
  static void reportLost(LostDeviceException lost) {
    for (TaskDevices devices :
        ServiceLoader.load(TaskDevices.class, TaskDevices.class.getClassLoader())) {
      devices.lost(lost);
    }
  }

  /** The assigned device, or {@code other} if there is none. */
  static DeviceName or(DeviceName other) {
    for (TaskDevices devices :
        ServiceLoader.load(TaskDevices.class, TaskDevices.class.getClassLoader())) {
      Optional<DeviceName> assigned = devices.assigned();
      if (assigned.isPresent()) {
        return assigned.get();
      }
    }
    return other;
  }
}
