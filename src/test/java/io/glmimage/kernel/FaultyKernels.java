package io.glmimage.kernel;

import io.glmimage.tensor.Libtorch;

/** Kernels that do harm, {@code kernels/faults.cu} of the test resources. */
public final class FaultyKernels {
  private FaultyKernels() {}

  /** Writes to an address that is not the process's, after which CUDA refuses every call. */
  public static void illegalAddress(int device) {
    launch(device, "illegal_address");
  }

  /** Does not end. */
  public static void endless(int device) {
    launch(device, "endless");
  }

  private static void launch(int device, String entry) {
    new CudaPrograms(device, Libtorch.cacheFolder())
        .program("faults")
        .launch(entry)
        .address(0)
        .run(1, KernelConstants.BLOCK_THREADS);
  }
}
