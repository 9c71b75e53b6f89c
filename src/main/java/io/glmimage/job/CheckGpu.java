package io.glmimage.job;

import io.glmimage.error.DeviceException;
import io.glmimage.error.GlmImageException;
import io.glmimage.kernel.KernelSelection;
import io.glmimage.kernel.Kernels;
import io.glmimage.spark.engine.ExecutorSelfTests;
import io.glmimage.spark.engine.SelfTest;
import io.glmimage.tensor.CudaAdvice;
import io.glmimage.tensor.DeviceName;
import io.glmimage.tensor.Libtorch;
import java.io.PrintStream;

/**
 * Reports whether libtorch can use a GPU and what each operation of the model runs on there, for
 * {@code jobs/check-gpu.sh}. The exit code is 0 if the job can use the GPU.
 */
public final class CheckGpu {
  private CheckGpu() {}

  public static void main(String[] args) {
    if (!run(System.out)) {
      System.exit(1);
    }
  }

  private static boolean run(PrintStream out) {
    String problem = problem();
    if (problem != null) {
      out.println("cannot use CUDA: " + problem);
      return false;
    }
    out.println("can use CUDA");
    try {
      out.println("Kernels of GPU 0 (operation: choice, reason):");
      for (KernelSelection kernel : Kernels.tryAll(0, Kernels.cacheFolder())) {
        out.println("  " + kernel);
      }
      boolean ok = true;
      for (SelfTest.Finding finding :
          ExecutorSelfTests.ofDriver(DeviceName.cuda(0), /* output= */ null, /* storage= */ null)) {
        out.println(SelfTestCommand.line(finding));
        ok &= finding.ok();
      }
      return ok;
    } catch (GlmImageException e) {
      out.println(
          "The CUDA kernels fail: "
              + e.getMessage()
              + ". The job can run without them: --kernels native");
      return false;
    }
  }

  private static String problem() {
    try {
      if (Libtorch.cudaAvailable()) {
        return null;
      }
      return CudaAdvice.of(Libtorch.cudaProblem());
    } catch (DeviceException e) {
      // If CUDA's libraries are missing, not even the CPU half of the GPU build loads.
      return e.getMessage();
    }
  }
}
