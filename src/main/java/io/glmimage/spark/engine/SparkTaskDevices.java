package io.glmimage.spark.engine;

import io.glmimage.error.LostDeviceException;
import io.glmimage.predict.TaskDevices;
import io.glmimage.tensor.DeviceName;
import java.util.Optional;

/**
 * The GPU that Spark assigned to the running task. Without it, the executors that share a host
 * would all load a DJL model on its first GPU.
 */
public final class SparkTaskDevices implements TaskDevices {
  @Override
  public Optional<DeviceName> assigned() {
    try {
      return GpuAssignment.ofTask().map(address -> GpuAssignment.device());
    } catch (NoClassDefFoundError e) {
      return Optional.empty(); // DJL is used without Spark.
    }
  }

  @Override
  public void lost(LostDeviceException lost) {
    try {
      LostDevice.endExecutor(lost);
    } catch (NoClassDefFoundError e) {
      return; // DJL is used without Spark.
    }
  }
}
