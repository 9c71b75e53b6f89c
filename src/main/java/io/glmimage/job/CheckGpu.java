package io.glmimage.job;

import io.glmimage.tensor.Libtorch;

/** Says whether libtorch can use a GPU, for {@code jobs/check-gpu.sh}: exit code 0 where it can. */
public final class CheckGpu {
  private CheckGpu() {}

  public static void main(String[] args) {
    if (Libtorch.cudaAvailable()) {
      System.out.println("can use CUDA");
      return;
    }
    String problem = Libtorch.cudaProblem();
    System.out.println(
        "cannot use CUDA: "
            + (problem != null
                ? problem
                : "its libraries load, but it finds no device it can use"));
    System.exit(1);
  }
}
