package io.glmimage.kernel;

import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Turns what a {@link KernelGuard} found into a choice, under the run's mode, and keeps every
 * choice that was made, each logged once.
 */
final class KernelChoices {
  private static final Logger LOG = LoggerFactory.getLogger(KernelChoices.class);

  private static final String EMPTY = "empty tensors launch nothing";

  private final KernelMode mode;
  private final Set<KernelSelection> made = ConcurrentHashMap.newKeySet();

  KernelChoices(KernelMode mode) {
    this.mode = mode;
  }

  /**
   * Whether the call that {@code guard} looked at goes to the fused kernel.
   *
   * @throws KernelException when the mode forces the fused kernel and it cannot take the call. An
   *     empty tensor is no such case: there is nothing to launch
   */
  boolean fused(KernelOperation operation, KernelGuard guard) {
    if (guard.empty()) {
      record(operation, false, EMPTY);
      return false;
    }
    if (guard.reason() == null) {
      record(operation, true, guard.summary());
      return true;
    }
    if (mode == KernelMode.FUSED) {
      throw new KernelException(
          "Cannot run "
              + operation
              + " fused: "
              + guard.reason()
              + "; use --kernels auto to let libtorch run it");
    }
    record(operation, false, guard.reason());
    return false;
  }

  /**
   * As {@link #fused}, for an operation that libtorch has a kernel of its own for: nothing is wrong
   * where that takes the call, under any mode.
   */
  boolean preferred(KernelOperation operation, KernelGuard guard) {
    boolean taken = !guard.empty() && guard.reason() == null;
    String why = guard.empty() ? EMPTY : guard.reason();
    record(operation, taken, taken ? guard.summary() : why);
    return taken;
  }

  /** What was chosen so far, sorted by operation. */
  List<KernelSelection> made() {
    return made.stream().sorted().toList();
  }

  private void record(KernelOperation operation, boolean fused, String reason) {
    KernelSelection selection = new KernelSelection(operation.toString(), fused, reason);
    if (made.add(selection)) {
      LOG.info("{}", selection);
    }
  }
}
