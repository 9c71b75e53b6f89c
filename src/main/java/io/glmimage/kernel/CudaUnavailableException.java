package io.glmimage.kernel;

import io.glmimage.error.GlmImageException;

/** The CUDA kernels cannot be used in this process. The message gives the reason and a remedy. */
public final class CudaUnavailableException extends GlmImageException {
  private static final long serialVersionUID = 1L;

  CudaUnavailableException(String message) {
    super(message);
  }

  CudaUnavailableException(String message, Throwable cause) {
    super(message, cause);
  }
}
