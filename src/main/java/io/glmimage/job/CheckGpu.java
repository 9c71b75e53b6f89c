package io.glmimage.job;

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
      String problem = Libtorch.cudaProblem();
      return problem != null ? problem : "its libraries load, but it finds no device it can use";
    } catch (LinkageError e) {
      // With CUDA's libraries missing, even the CPU half of the GPU build does not load. The first
      // failure, at the end of the chain, names the library.
      Throwable first = e;
      while (first.getCause() != null) {
        first = first.getCause();
      }
      return first.getMessage();
    }
  }
}
