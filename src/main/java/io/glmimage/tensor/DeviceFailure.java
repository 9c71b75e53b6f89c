package io.glmimage.tensor;

import java.util.Locale;

/**
 * Tells libtorch's failures apart: JavaCPP hands all of them over as RuntimeException with
 * libtorch's text.
 */
public final class DeviceFailure {
  private DeviceFailure() {}

  /** Whether an allocation failed: the same work in smaller parts may pass. */
  public static boolean isOutOfMemory(Throwable failure) {
    String text = text(failure);
    return text.contains("out of memory")
        || text.contains("can't allocate memory")
        || text.contains("alloc_failed");
  }

  /**
   * Whether the device itself is lost to this process (a sticky CUDA error): nothing more can run
   * on it.
   */
  public static boolean isDeviceLost(Throwable failure) {
    String text = text(failure);
    return !isOutOfMemory(failure)
        && (text.contains("cuda error")
            || text.contains("cudnn error")
            || text.contains("cublas error"));
  }

  private static String text(Throwable failure) {
    return String.valueOf(failure.getMessage()).toLowerCase(Locale.ROOT);
  }
}
