package io.glmimage.error;

/**
 * The device cannot be used. No row is the cause, and no row can run on it in this process. A
 * device that is lost in the middle of the work is a {@link LostDeviceException}.
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
