package io.glmimage.kernel;

import io.glmimage.error.GlmImageException;

/**
 * A CUDA kernel cannot run. Its text does not compile, CUDA refuses the launch, or {@code --kernels
 * fused} forces a kernel that does not support the arguments of a call.
 */
public final class KernelException extends GlmImageException {
  private static final long serialVersionUID = 1L;

  KernelException(String message) {
    super(message);
  }
}
