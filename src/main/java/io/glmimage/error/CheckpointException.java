package io.glmimage.error;

/**
 * A model folder cannot be loaded. The message names the file and, if there is one, the tensor or
 * the key.
 */
public final class CheckpointException extends GlmImageException {
  private static final long serialVersionUID = 1L;

  public CheckpointException(String message) {
    super(message);
  }

  public CheckpointException(String message, Throwable cause) {
    super(message, cause);
  }
}
