package io.glmimage.error;

/** The whole job cannot continue: the model does not load, or the output cannot be written. */
public final class JobException extends GlmImageException {
  private static final long serialVersionUID = 1L;

  public JobException(String message) {
    super(message);
  }

  public JobException(String message, Throwable cause) {
    super(message, cause);
  }
}
