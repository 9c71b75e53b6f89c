package io.glmimage.error;

/**
 * The model's weights cannot be brought to a node. Causes are a source that has changed or cannot
 * be read, a full disk, and a chunk that is permanently lost. The message names the folder and the
 * necessary change.
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
