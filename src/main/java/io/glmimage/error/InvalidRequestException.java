package io.glmimage.error;

/**
 * One row that cannot be edited as it stands (its image, prompt or settings); other rows are not
 * affected.
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
