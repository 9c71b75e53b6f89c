package io.glmimage.kernel;

import io.glmimage.error.GlmImageException;

/**
 * A kernel that should run did not: its text does not compile, CUDA refused the launch, or a forced
 * kernel cannot take these arguments.
 */
public final class KernelException extends GlmImageException {
  private static final long serialVersionUID = 1L;

  KernelException(String message) {
    super(message);
  }
}
