package io.glmimage.pipeline;

import io.glmimage.kernel.AtenKernels;
import io.glmimage.model.prior.PriorOptions;
import io.glmimage.tensor.Compute;
import io.glmimage.weights.CheckpointFolder;
import io.glmimage.weights.WeightTurns;
import java.util.Map;
import java.util.TreeMap;

/**
 * The memory that a model takes: weights exactly, edits as {@link WorkingMemory} estimates.
 *
 * @param weights bytes by component
 * @param rows that the prior decodes together, and {@code medium} counts
 * @param small edits of {@link WorkingMemory#SMALL}, one row alone
 * @param medium edits of {@link WorkingMemory#MEDIUM}, {@code rows} together
 */
public record MemoryNeed(
    Map<String, Long> weights, int rows, WorkingMemory small, WorkingMemory medium) {

  /**
   * Builds the networks of a checkpoint without data.
   *
   * @param compute the device, dtype and precision to load for
   * @throws RuntimeException if a network cannot be built; loading reports why
   */
  static MemoryNeed of(CheckpointFolder folder, Compute compute, PriorOptions options) {
    Compute meta = Compute.meta(compute.dtype()).withPrecision(compute.precision());
    CheckpointFolder headers = folder.withoutData();
    int rows = Math.min(options.slots(), PriorOptions.GPU_ROWS);
    try (Components parts =
        new PipelineLoader(headers, meta, options, new AtenKernels()).loadWithoutProcessor()) {
      Map<String, Long> weights = new TreeMap<>();
      for (Network network : Network.all(meta)) {
        weights.put(network.name(), headers.ownedBytes(network.name()));
      }
      return new MemoryNeed(
          weights,
          rows,
          WorkingMemory.of(parts, WorkingMemory.SMALL, 1, compute.dtype()),
          WorkingMemory.of(parts, WorkingMemory.MEDIUM, rows, compute.dtype()));
    }
  }

  /** Bytes of all weights. */
  public long resident() {
    return weights.values().stream().mapToLong(Long::longValue).sum();
  }

  /** Bytes of the weights on the device if the large components take turns. */
  public long inTurns() {
    long largest = 0;
    for (String component : WeightTurns.COMPONENTS) {
      largest = Math.max(largest, weights.getOrDefault(component, 0L));
    }
    return resident() - host() + largest;
  }

  /** Bytes of the weights that are kept in host memory if the large components take turns. */
  public long host() {
    return WeightTurns.COMPONENTS.stream().mapToLong(c -> weights.getOrDefault(c, 0L)).sum();
  }
}
