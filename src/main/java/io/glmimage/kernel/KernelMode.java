package io.glmimage.kernel;

import java.util.Locale;

/** Which implementations a run may use. */
public enum KernelMode {
  /** Fused CUDA kernels where they can run, libtorch's operations elsewhere. */
  AUTO,
  /** libtorch's operations only. */
  NATIVE,
  /** Fused CUDA kernels only: a call that they cannot take is an error. */
  FUSED;

  /**
   * The mode of that name.
   *
   * @throws IllegalArgumentException naming what there is
   */
  public static KernelMode of(String name) {
    for (KernelMode mode : values()) {
      if (mode.toString().equals(name)) {
        return mode;
      }
    }
    throw new IllegalArgumentException(
        "Invalid kernel mode: " + name + ", expected auto, native or fused");
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
