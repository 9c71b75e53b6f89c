package io.glmimage.kernel;

import java.util.Locale;

/** The implementations that a run may use: {@code --kernels}. */
public enum KernelMode {
  /** Fused CUDA kernels where they can run, libtorch's operations elsewhere. */
  AUTO,
  /** libtorch's operations only. */
  NATIVE,
  /** Fused CUDA kernels only: a call that they cannot take, or a host without them, is an error. */
  FUSED;

  /** The names of all modes, for messages. */
  public static final String NAMES = "auto, native or fused";

  /**
   * The mode of that name.
   *
   * @throws IllegalArgumentException for another name; lists the modes
   */
  public static KernelMode parse(String name) {
    for (KernelMode mode : values()) {
      if (mode.toString().equals(name)) {
        return mode;
      }
    }
    throw new IllegalArgumentException("Invalid kernel mode: " + name + ", expected " + NAMES);
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
