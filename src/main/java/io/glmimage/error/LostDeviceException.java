package io.glmimage.error;

/**
 * A GPU that this process has used does not answer any more: a kernel ended with an error from
 * which CUDA cannot recover, or does not end at all. Every later call of this process would fail.
 * Another process may be able to use the GPU.
 */
public final class LostDeviceException extends GlmImageException {
  private static final long serialVersionUID = 1L;

  public LostDeviceException(String message) {
    super(message);
  }

  public LostDeviceException(String message, Throwable cause) {
    super(message, cause);
  }
}
