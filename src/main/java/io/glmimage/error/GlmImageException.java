package io.glmimage.error;

/**
 * Root of the failures that this program reports deliberately. Every message says what failed,
 * where, and what to do.
 */
public abstract class GlmImageException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  protected GlmImageException(String message) {
    super(message);
  }

  protected GlmImageException(String message, Throwable cause) {
    super(message, cause);
  }
}
