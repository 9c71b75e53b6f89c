package io.glmimage.kernel;

import java.util.Comparator;
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
  boolean fused(String operation, KernelGuard guard) {
    if (guard.empty()) {
      record(new KernelSelection(operation, false, "empty tensors launch nothing"));
      return false;
    }
    if (guard.reason() == null) {
      record(new KernelSelection(operation, true, guard.summary()));
      return true;
    }
    if (mode == KernelMode.FUSED) {
      throw new KernelException(
          "Cannot run "
              + operation
              + " fused: "
              + guard.reason()
              + "; set the kernel mode to auto to let libtorch run it");
    }
    record(new KernelSelection(operation, false, guard.reason()));
    return false;
  }

  /**
   * As {@link #fused}, for an operation that libtorch has a kernel of its own for: nothing is wrong
   * where that takes the call, under any mode.
   */
  boolean preferred(String operation, KernelGuard guard) {
    boolean taken = !guard.empty() && guard.reason() == null;
    String why = guard.empty() ? "empty tensors launch nothing" : guard.reason();
    record(new KernelSelection(operation, taken, taken ? guard.summary() : why));
    return taken;
  }

  /** What was chosen so far, sorted by operation. */
  List<KernelSelection> made() {
    return made.stream()
        .sorted(
            Comparator.comparing(KernelSelection::operation).thenComparing(KernelSelection::reason))
        .toList();
  }

  private void record(KernelSelection selection) {
    if (made.add(selection)) {
      LOG.info("{}", selection);
    }
  }
}
