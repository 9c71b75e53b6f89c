package io.glmimage.kernel;

import java.io.Serializable;
import java.util.Comparator;

/**
 * The implementation that an operation ran on, and the reason, for the log and {@code
 * summary.json}.
 *
 * @param operation such as "ada_layer_norm"
 * @param fused true for the CUDA kernel, false for libtorch's operations
 * @param reason in words
 */
public record KernelSelection(String operation, boolean fused, String reason)
    implements Serializable, Comparable<KernelSelection> {
  private static final Comparator<KernelSelection> ORDER =
      Comparator.comparing(KernelSelection::operation)
          .thenComparing(KernelSelection::reason)
          .thenComparing(KernelSelection::fused);

  /** {@code "fused"} or {@code "native"}. */
  public String choice() {
    return fused ? "fused" : "native";
  }

  /** By operation, then by reason. */
  @Override
  public int compareTo(KernelSelection other) {
    return ORDER.compare(this, other);
  }

  @Override
  public String toString() {
    return operation + ": " + choice() + " (" + reason + ")";
  }
}
