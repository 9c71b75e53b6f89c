package io.glmimage.spark.engine;

import io.glmimage.kernel.KernelSelection;
import io.glmimage.output.KernelUse;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.apache.spark.util.AccumulatorV2;

/** Collects the kernel selections of all engines of a run, each different one once. */
public final class KernelSelections
    extends AccumulatorV2<List<KernelSelection>, Set<KernelSelection>> {
  private static final long serialVersionUID = 1L;

  private final TreeSet<KernelSelection> seen = new TreeSet<>();

  /** The selections by operation, in the operations' order. */
  public synchronized Map<String, KernelUse> byOperation() {
    Map<String, List<KernelSelection>> grouped =
        seen.stream()
            .collect(
                Collectors.groupingBy(
                    KernelSelection::operation, TreeMap::new, Collectors.toList()));
    Map<String, KernelUse> uses = new LinkedHashMap<>();
    grouped.forEach(
        (operation, selections) ->
            uses.put(
                operation,
                new KernelUse(
                    selections.stream()
                        .map(KernelSelection::choice)
                        .distinct()
                        .sorted()
                        .collect(Collectors.joining(" and ")),
                    selections.stream()
                        .map(KernelSelection::reason)
                        .distinct()
                        .collect(Collectors.joining("; ")))));
    return uses;
  }

  @Override
  public synchronized boolean isZero() {
    return seen.isEmpty();
  }

  @Override
  public synchronized KernelSelections copy() {
    KernelSelections copy = new KernelSelections();
    copy.seen.addAll(seen);
    return copy;
  }

  @Override
  public synchronized void reset() {
    seen.clear();
  }

  @Override
  public synchronized void add(List<KernelSelection> selections) {
    seen.addAll(selections);
  }

  @Override
  public void merge(AccumulatorV2<List<KernelSelection>, Set<KernelSelection>> other) {
    Set<KernelSelection> more = other.value();
    synchronized (this) {
      seen.addAll(more);
    }
  }

  @Override
  public synchronized Set<KernelSelection> value() {
    return new TreeSet<>(seen);
  }
}
