package io.glmimage.error;

/**
 * The device cannot be used, or is lost to this process. No row is the cause, and no further row
 * can run in this process.
 */
public final class DeviceException extends GlmImageException {
  private static final long serialVersionUID = 1L;

  public DeviceException(String message) {
    super(message);
  }

  public DeviceException(String message, Throwable cause) {
    super(message, cause);
  }
}
