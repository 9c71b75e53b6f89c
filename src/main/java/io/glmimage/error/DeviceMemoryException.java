package io.glmimage.error;

/**
 * The device's memory does not suffice for what was to be done at once: less of it, or a smaller
 * size, may pass. The device itself works.
 */
public final class DeviceMemoryException extends GlmImageException {
  private static final long serialVersionUID = 1L;

  public DeviceMemoryException(String message, Throwable cause) {
    super(message, cause);
  }
}
