package io.glmimage.error;

/**
 * The command cannot start as it was given: an option, the manifest's columns, an output folder in
 * use. Nothing has been done when it is thrown.
 */
public final class UsageException extends GlmImageException {
  private static final long serialVersionUID = 1L;

  public UsageException(String message) {
    super(message);
  }

  public UsageException(String message, Throwable cause) {
    super(message, cause);
  }
}
