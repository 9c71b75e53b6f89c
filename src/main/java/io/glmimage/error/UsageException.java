package io.glmimage.error;

/**
 * The command cannot start as given: a wrong option, wrong columns of the manifest, or an output
 * folder in use. The command has done nothing when this exception is thrown.
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
