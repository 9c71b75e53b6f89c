package io.glmimage.error;

/** The model computed infinite values or NaN for one request. */
public final class NotFiniteException extends GlmImageException {
  private static final long serialVersionUID = 1L;

  public NotFiniteException(String message) {
    super(message);
  }
}
