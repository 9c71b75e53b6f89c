package io.glmimage.error;

/**
 * The model's weights cannot be brought to a node: the source has changed or cannot be read, the
 * disk is full, or a chunk is permanently lost. The message names the folder and the necessary
 * change.
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
