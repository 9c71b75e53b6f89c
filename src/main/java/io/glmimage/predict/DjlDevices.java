package io.glmimage.predict;

import ai.djl.Device;
import io.glmimage.tensor.DeviceName;

/** Converts between DJL's devices and the device names of options. */
public final class DjlDevices {
  private DjlDevices() {}

  /**
   * The name of a DJL device; {@link DeviceName#AUTO} for null.
   *
   * @throws IllegalArgumentException for a device that is neither the CPU nor one GPU
   */
  static DeviceName toName(Device device) {
    if (device == null) {
      return DeviceName.AUTO;
    }
    if (device.equals(Device.cpu())) {
      return DeviceName.CPU;
    }
    if (device.isGpu() && device.getDevices().size() == 1) {
      // "gpu" without a number has the id -1 in DJL.
      return device.getDeviceId() < 0 ? DeviceName.CUDA : DeviceName.cuda(device.getDeviceId());
    }
    throw new IllegalArgumentException(
        "Invalid device: " + device + ", expected Device.cpu() or Device.gpu(n)");
  }

  /** The DJL device of a name; null for {@link DeviceName#AUTO}. */
  public static Device toDevice(DeviceName name) {
    return switch (name.kind()) {
      case AUTO -> null;
      case CPU -> Device.cpu();
      case CUDA -> name.isOpen() ? Device.gpu() : Device.gpu(name.index());
    };
  }
}
