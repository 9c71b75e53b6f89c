package io.glmimage.error;

/** The job as a whole cannot go on: the model does not load, the output cannot be written. */
public final class JobException extends GlmImageException {
  private static final long serialVersionUID = 1L;

  public JobException(String message) {
    super(message);
  }

  public JobException(String message, Throwable cause) {
    super(message, cause);
  }
}
