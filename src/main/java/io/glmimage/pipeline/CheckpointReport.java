package io.glmimage.pipeline;

import io.glmimage.weights.AdapterReport;
import io.glmimage.weights.PublishedCheckpoint;
import io.glmimage.weights.Weights;
import java.util.List;

/**
 * What an inspection of a checkpoint found.
 *
 * @param location the folder as the user named it
 * @param parts the components with weights, in the order of their folders' names
 * @param memory bytes that the loaded weights take
 * @param published comparison with the published checkpoint
 * @param adapters the LoRA adapters that fit the model
 * @param problems what keeps the model from being loaded; empty if nothing does
 * @param warnings what is unusual and harmless, or may matter
 */
public record CheckpointReport(
    String location,
    List<Part> parts,
    Memory memory,
    List<PublishedCheckpoint.Comparison> published,
    List<AdapterReport> adapters,
    List<String> problems,
    List<String> warnings) {

  /**
   * One component.
   *
   * @param name its folder
   * @param stored what its files hold
   */
  public record Part(String name, Weights.Stored stored) {
    /** Number of values in all tensors. */
    public long parameters() {
      return stored.parameters().values().stream().mapToLong(Long::longValue).sum();
    }
  }

  /**
   * Bytes of weights in memory; 0 where they could not be determined. Working memory comes on top.
   *
   * @param bfloat16 on a GPU
   * @param fp8 on a GPU, with {@code --precision fp8}
   * @param float32 on a CPU
   */
  public record Memory(long bfloat16, long fp8, long float32) {}

  /** Whether the model can be loaded. */
  public boolean usable() {
    return problems.isEmpty();
  }
}
