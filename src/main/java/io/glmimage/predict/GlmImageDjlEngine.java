package io.glmimage.predict;

import ai.djl.Device;
import ai.djl.Model;
import ai.djl.engine.Engine;
import ai.djl.engine.StandardCapabilities;
import ai.djl.ndarray.NDManager;
import ai.djl.util.passthrough.PassthroughNDManager;
import io.glmimage.tensor.DeviceName;
import java.util.Objects;

/**
 * The DJL engine {@value #NAME}, which runs GLM-Image checkpoints for {@code Criteria}, {@code
 * ZooModel} and {@code Predictor}. The engine has no arrays; images pass through DJL as plain
 * values. DJL never chooses it as the default engine.
 */
final class GlmImageDjlEngine extends Engine {
  static final String NAME = "GlmImage";

  /** The lowest rank: DJL uses this engine only if it is named. */
  static final int RANK = Integer.MAX_VALUE;

  @Override
  public String getEngineName() {
    return NAME;
  }

  @Override
  public int getRank() {
    return RANK;
  }

  /** The version of the jar, or {@code "unpackaged"} if the classes are not in a jar. */
  @Override
  public String getVersion() {
    return Objects.requireNonNullElse(
        GlmImageDjlEngine.class.getPackage().getImplementationVersion(), "unpackaged");
  }

  @Override
  public boolean hasCapability(String capability) {
    return StandardCapabilities.CUDA.equals(capability) && defaultDevice().isGpu();
  }

  /** The first GPU that libtorch can use, otherwise the CPU. */
  @Override
  public Device defaultDevice() {
    return DjlDevices.toDevice(GlmImageEngine.resolveDevice(DeviceName.AUTO));
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
}
