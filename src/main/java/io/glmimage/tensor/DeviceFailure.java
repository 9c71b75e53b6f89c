package io.glmimage.tensor;

import io.glmimage.error.InvalidRequestException;
import io.glmimage.error.NotFiniteException;
import java.util.Locale;

/**
 * Classifies libtorch's failures by their text, because JavaCPP throws a RuntimeException for all
 * of them.
 */
public final class DeviceFailure {
  private DeviceFailure() {}

  /** Whether an allocation failed. The same work may succeed in smaller parts. */
  public static boolean isOutOfMemory(Throwable failure) {
    String text = text(failure);
    return text.contains("out of memory")
        || text.contains("can't allocate memory")
        || text.contains("alloc_failed")
        // A library that finds no memory for its own state.
        || text.contains("status_not_initialized");
  }

  /**
   * Whether the device may have been lost to this process, because of a sticky CUDA error. {@link
   * Compute#isUsable} knows.
   */
  public static boolean isDeviceError(Throwable failure) {
    String text = text(failure);
    return !isOutOfMemory(failure)
        && (text.contains("cuda error")
            || text.contains("cudnn error")
            || text.contains("cublas error"));
  }

  /** Exceptions about a row say what happened by their class, and contain the id of the row. */
  private static String text(Throwable failure) {
    return failure instanceof InvalidRequestException || failure instanceof NotFiniteException
        ? ""
        : String.valueOf(failure.getMessage()).toLowerCase(Locale.ROOT);
  }
}
