package io.glmimage.predict;

import ai.djl.Device;
import ai.djl.Model;
import ai.djl.engine.Engine;
import ai.djl.engine.StandardCapabilities;
import ai.djl.ndarray.NDManager;
import ai.djl.util.passthrough.PassthroughNDManager;
import java.util.Objects;

/**
 * The engine {@value #NAME}: runs GLM-Image checkpoints for {@code Criteria}, {@code ZooModel} and
 * {@code Predictor}. It has no arrays of its own; pictures pass through DJL as plain values. It is
 * never the default engine.
 */
final class GlmImageDjlEngine extends Engine {
  static final String NAME = "GlmImage";

  /** The lowest rank wins, and must be below this one: DJL never picks this engine unasked. */
  static final int RANK = Integer.MAX_VALUE;

  @Override
  public String getEngineName() {
    return NAME;
  }

  @Override
  public int getRank() {
    return RANK;
  }

  /** The jar's version; classes that are in no jar have none. */
  @Override
  public String getVersion() {
    return Objects.requireNonNullElse(
        GlmImageDjlEngine.class.getPackage().getImplementationVersion(), "unpackaged");
  }

  @Override
  public boolean hasCapability(String capability) {
    return StandardCapabilities.CUDA.equals(capability) && defaultDevice().isGpu();
  }

  /** The first GPU that libtorch can use, else the CPU. */
  @Override
  public Device defaultDevice() {
    return toDevice(GlmImageEngine.resolveDevice("auto"));
  }

  @Override
  public Engine getAlternativeEngine() {
    return null;
  }

  @Override
  public Model newModel(String name, Device device) {
    return new GlmImageModel(name, this, device);
  }

  @Override
  public NDManager newBaseManager() {
    return newBaseManager(null);
  }

  @Override
  public NDManager newBaseManager(Device device) {
    return new PassthroughNDManager(this, device);
  }

  /** DJL's device as the engine names it; null is {@code "auto"}. */
  static String toName(Device device) {
    if (device == null) {
      return "auto";
    }
    if (device.equals(Device.cpu())) {
      return "cpu";
    }
    if (device.isGpu() && device.getDevices().size() == 1) {
      // "gpu" without a number has the id -1 in DJL.
      return device.getDeviceId() < 0 ? "cuda" : "cuda:" + device.getDeviceId();
    }
    throw new IllegalArgumentException(
        "Invalid device: " + device + ", expected Device.cpu() or Device.gpu(n)");
  }

  /**
   * @param name {@code "cpu"} or {@code "cuda:N"}
   */
  static Device toDevice(String name) {
    return name.equals("cpu")
        ? Device.cpu()
        : Device.gpu(Integer.parseInt(name.substring("cuda:".length())));
  }
}
