package io.glmimage.error;

/** The model computed infinities or values that are no numbers for one request. */
public final class NotFiniteException extends GlmImageException {
  private static final long serialVersionUID = 1L;

  public NotFiniteException(String message) {
    super(message);
  }
}
