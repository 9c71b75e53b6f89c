package io.glmimage.kernel;

import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Chooses the implementation of every call from the result of its {@link KernelGuard} and the run's
 * mode. Remembers each different choice, and logs it once.
 */
class KernelChoices {
  private static final Logger LOG = LoggerFactory.getLogger(KernelChoices.class);
  private static final String EMPTY = "empty tensors launch nothing";

  private final KernelMode mode;
  private final Set<KernelSelection> made = ConcurrentHashMap.newKeySet();

  KernelChoices(KernelMode mode) {
    this.mode = mode;
  }

  /**
   * Whether the call that {@code guard} has checked goes to the CUDA kernel.
   *
   * @throws KernelException if the mode forces the CUDA kernel and it does not support the call.
   *     Empty tensors are valid: nothing is launched for them
   */
  boolean fused(KernelOperation operation, KernelGuard guard) {
    if (guard.empty()) {
      record(operation, false, EMPTY);
      return false;
    }
    String reason = obstacle(guard);
    if (reason == null) {
      record(operation, true, guard.summary());
      return true;
    }
    if (mode == KernelMode.FUSED) {
      throw new KernelException(
          "Cannot run "
              + operation
              + " fused: "
              + reason
              + "; use --kernels auto to let libtorch run it");
    }
    record(operation, false, reason);
    return false;
  }

  /**
   * As {@link #fused}, for an operation for which libtorch has fused kernels of its own: calls may
   * go to them in every mode.
   */
  boolean preferred(KernelOperation operation, KernelGuard guard) {
    String reason = guard.empty() ? EMPTY : obstacle(guard);
    record(operation, reason == null, reason == null ? guard.summary() : reason);
    return reason == null;
  }

  /** What was chosen so far, sorted by operation. */
  List<KernelSelection> made() {
    return made.stream().sorted().toList();
  }

  /** Why the CUDA kernel cannot run; null if it can. Tests without a GPU override this. */
  String obstacle(KernelGuard guard) {
    return guard.reason();
  }

  private void record(KernelOperation operation, boolean fused, String reason) {
    KernelSelection selection = new KernelSelection(operation.toString(), fused, reason);
    if (made.add(selection)) {
      LOG.info("{}", selection);
    }
  }
}
