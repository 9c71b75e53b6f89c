package io.glmimage.error;

/** A GPU that was promised cannot be used. The message says what is missing. */
public final class DeviceException extends GlmImageException {
  private static final long serialVersionUID = 1L;

  public DeviceException(String message) {
    super(message);
  }
}
