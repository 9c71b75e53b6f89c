package io.glmimage.error;

/**
 * The model's weights cannot be brought to a node: the source changed or cannot be read, the disk
 * is full, a chunk is lost for good. The message names the folder and what to change.
 */
public final class WeightsException extends GlmImageException {
  private static final long serialVersionUID = 1L;

  public WeightsException(String message) {
    super(message);
  }

  public WeightsException(String message, Throwable cause) {
    super(message, cause);
  }
}
