package io.glmimage.predict;

import io.glmimage.kernel.KernelMode;
import io.glmimage.tensor.DeviceName;
import io.glmimage.tensor.MemoryRule;
import io.glmimage.tensor.Precision;

/**
 * The device, precision and kernels of an engine.
 *
 * @param precision the arithmetic of the large linear layers
 * @param kernels the implementations that the model's operations may use
 * @param memory the check before weights are loaded
 */
public record EngineSettings(
    DeviceName device, Precision precision, KernelMode kernels, MemoryRule memory) {
  /** With the standard check of the memory. */
  public EngineSettings(DeviceName device, Precision precision, KernelMode kernels) {
    this(device, precision, kernels, MemoryRule.STANDARD);
  }

  /** The default precision and kernels of a device. */
  public static EngineSettings of(DeviceName device) {
    return new EngineSettings(device, Precision.AUTO, KernelMode.AUTO);
  }

  public EngineSettings withDevice(DeviceName other) {
    return new EngineSettings(other, precision, kernels, memory);
  }

  public EngineSettings withMemory(MemoryRule other) {
    return new EngineSettings(device, precision, kernels, other);
  }

  public EngineSettings withPrecision(Precision other) {
    return new EngineSettings(device, other, kernels, memory);
  }
}
