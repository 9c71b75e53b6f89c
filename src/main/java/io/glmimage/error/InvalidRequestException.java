package io.glmimage.error;

/**
 * One row cannot be edited because of its image, prompt or settings. Other rows are not affected.
 */
public final class InvalidRequestException extends GlmImageException {
  private static final long serialVersionUID = 1L;

  public InvalidRequestException(String message) {
    super(message);
  }

  public InvalidRequestException(String message, Throwable cause) {
    super(message, cause);
  }
}
