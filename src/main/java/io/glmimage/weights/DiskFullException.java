package io.glmimage.weights;

import io.glmimage.error.WeightsException;
import java.io.IOException;
import java.nio.file.Path;

/**
 * The disk became full while a checkpoint was received. Distinguishes this from other failures
 * inside this package, because the incomplete checkpoint is then deleted.
 */
final class DiskFullException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private DiskFullException(String message, IOException cause) {
    super(message, cause);
  }

  /** The exception for a failed write into the cache. */
  static RuntimeException orOther(CheckpointListing listing, Path root, IOException e) {
    String what = "Cannot cache model " + listing.source() + " in " + root + ": ";
    String why = String.valueOf(e.getMessage());
    if (why.contains("No space left") || why.contains("Disk quota exceeded")) {
      return new DiskFullException(
          what
              + "the disk is full ("
              + why
              + "), the model needs "
              + (listing.totalBytes() >> 20)
              + " MiB; free some or choose another cache folder",
          e);
    }
    return new WeightsException(what + e, e);
  }

  WeightsException toWeightsException() {
    return new WeightsException(getMessage(), getCause());
  }
}
