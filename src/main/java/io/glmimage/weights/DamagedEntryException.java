package io.glmimage.weights;

/** A cache entry differs from the checkpoint that it should be. The message says how. */
final class DamagedEntryException extends Exception {
  private static final long serialVersionUID = 1L;

  DamagedEntryException(String message) {
    super(message);
  }
}
