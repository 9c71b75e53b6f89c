package io.glmimage.error;

/**
 * The device has too little memory for the requested work. Fewer requests at a time or a smaller
 * size may succeed. The device itself works.
 */
public final class DeviceMemoryException extends GlmImageException {
  private static final long serialVersionUID = 1L;

  public DeviceMemoryException(String message, Throwable cause) {
    super(message, cause);
  }
}
