package io.glmimage.job;

import io.glmimage.error.DeviceException;
import io.glmimage.tensor.CudaAdvice;
import io.glmimage.tensor.Libtorch;

/** Says whether libtorch can use a GPU, for {@code jobs/check-gpu.sh}: exit code 0 where it can. */
public final class CheckGpu {
  private CheckGpu() {}

  public static void main(String[] args) {
    String problem = problem();
    System.out.println(problem == null ? "can use CUDA" : "cannot use CUDA: " + problem);
    if (problem != null) {
      System.exit(1);
    }
  }

  private static String problem() {
    try {
      if (Libtorch.cudaAvailable()) {
        return null;
      }
      return CudaAdvice.of(Libtorch.cudaProblem());
    } catch (DeviceException e) {
      // With CUDA's libraries missing, even the CPU half of the GPU build does not load.
      return e.getMessage();
    }
  }
}
