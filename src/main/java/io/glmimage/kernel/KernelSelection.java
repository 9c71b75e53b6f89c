package io.glmimage.kernel;

/**
 * Which implementation an operation ran on, and why: for the log and the run report.
 *
 * @param operation such as "ada_layer_norm"
 * @param fused whether our CUDA kernel ran; libtorch's operations did otherwise
 * @param reason why, in words
 */
public record KernelSelection(String operation, boolean fused, String reason) {
  @Override
  public String toString() {
    return operation + ": " + (fused ? "fused" : "native") + " (" + reason + ")";
  }
}
