package io.glmimage.tensor;

import java.io.Serializable;

/**
 * The name of a device in options and settings: {@code auto} (a GPU if there is one), {@code cpu},
 * {@code cuda} (some GPU) or {@code cuda:N}.
 *
 * @param index of the GPU, or -1 if the name leaves it open
 */
public record DeviceName(Kind kind, int index) implements Serializable {
  /** What the device is. */
  public enum Kind {
    /** A GPU if there is one, else the CPU. */
    AUTO,
    CPU,
    CUDA
  }

  public static final DeviceName AUTO = new DeviceName(Kind.AUTO, -1);
  public static final DeviceName CPU = new DeviceName(Kind.CPU, -1);

  /** A GPU, whichever. */
  public static final DeviceName CUDA = new DeviceName(Kind.CUDA, -1);

  /** The accepted names, for messages. */
  public static final String NAMES = "auto, cpu, cuda or cuda:N";

  private static final String CUDA_PREFIX = "cuda:";
  private static final int INDEX_MAX = 999;

  public DeviceName {
    if (index < -1 || index > INDEX_MAX || (index >= 0 && kind != Kind.CUDA)) {
      throw new IllegalArgumentException("Invalid device: " + kind + " " + index);
    }
  }

  public static DeviceName cuda(int index) {
    if (index < 0) {
      throw new IllegalArgumentException("Invalid device: cuda:" + index + ", expected cuda:N");
    }
    return new DeviceName(Kind.CUDA, index);
  }

  /**
   * @throws IllegalArgumentException for another name; lists the accepted ones
   */
  public static DeviceName parse(String name) {
    if (!isValid(name)) {
      throw new IllegalArgumentException("Invalid device: " + name + ", expected " + NAMES);
    }
    return switch (name) {
      case "auto" -> AUTO;
      case "cpu" -> CPU;
      case "cuda" -> CUDA;
      default -> cuda(Integer.parseInt(name.substring(CUDA_PREFIX.length())));
    };
  }

  /** Whether {@link #parse} accepts the name. */
  public static boolean isValid(String name) {
    return name.matches("auto|cpu|cuda|cuda:[0-9]{1,3}");
  }

  /** Whether the name leaves the device open: {@code auto} or {@code cuda}. */
  public boolean isOpen() {
    return kind != Kind.CPU && index < 0;
  }

  /** The name that {@link #parse} accepts. */
  @Override
  public String toString() {
    return switch (kind) {
      case AUTO -> "auto";
      case CPU -> "cpu";
      case CUDA -> index < 0 ? "cuda" : CUDA_PREFIX + index;
    };
  }
}
