package io.glmimage.kernel;

import io.glmimage.error.GlmImageException;

/** Our own CUDA kernels cannot be had in this process; the message says why and what to change. */
public final class CudaUnavailableException extends GlmImageException {
  private static final long serialVersionUID = 1L;

  CudaUnavailableException(String message) {
    super(message);
  }

  CudaUnavailableException(String message, Throwable cause) {
    super(message, cause);
  }
}
