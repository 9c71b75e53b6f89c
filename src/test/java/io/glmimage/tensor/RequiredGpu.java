package io.glmimage.tensor;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/**
 * For tests that need a GPU. Without one they are skipped, or fail if the run was started with
 * {@code -Dgpu.required=true}: a run on a GPU machine must not pass because nothing ran.
 */
public final class RequiredGpu {
  private RequiredGpu() {}

  /** Skips or fails the calling test if libtorch cannot use a GPU. */
  public static void orSkip() {
    boolean available = Libtorch.cudaAvailable();
    String problem = available ? "" : CudaAdvice.of(Libtorch.cudaProblem());
    if (Boolean.getBoolean("gpu.required")) {
      assertTrue(available, "-Dgpu.required is set: " + problem);
    }
    assumeTrue(available, "Skipped: " + problem);
  }
}
