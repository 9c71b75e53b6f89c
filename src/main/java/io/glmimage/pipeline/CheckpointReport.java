package io.glmimage.pipeline;

import io.glmimage.image.PixelSize;
import io.glmimage.model.processor.OutputSize;
import io.glmimage.tensor.Precision;
import io.glmimage.weights.AdapterReport;
import io.glmimage.weights.PublishedCheckpoint;
import io.glmimage.weights.Weights;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What an inspection of a checkpoint found.
 *
 * @param location the folder as the user named it
 * @param parts the components with weights, in the order of their folders' names
 * @param memory what the loaded model takes
 * @param sizes the sizes that the checkpoint's processor reads; null if it could not be loaded
 * @param published comparison with the published checkpoint
 * @param adapters the LoRA adapters that fit the model
 * @param problems what keeps the model from being loaded; empty if nothing does
 * @param warnings what is unusual and harmless, or may matter
 */
public record CheckpointReport(
    String location,
    List<Part> parts,
    Memory memory,
    OutputSize sizes,
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
   * Bytes of weights in memory; 0 where they could not be determined.
   *
   * @param bfloat16 on a GPU
   * @param fp8 on a GPU, with {@code --precision fp8}
   * @param float32 on a CPU
   * @param working estimates of what edits take besides, by size; empty if the weights are unknown
   * @param needs what plans for a GPU are made from, by precision; empty if the weights are unknown
   */
  public record Memory(
      long bfloat16,
      long fp8,
      long float32,
      List<Working> working,
      SortedMap<Precision, MemoryNeed> needs) {
    static final Memory UNKNOWN = new Memory(0, 0, 0, List.of(), new TreeMap<>());
  }

  /**
   * Working memory of edits with one source image of the same size.
   *
   * @param gpu in bfloat16 or fp8, {@value io.glmimage.model.prior.PriorOptions#GPU_ROWS} rows
   *     together
   * @param gpuAlone the same, one row alone
   * @param cpu in float32
   */
  public record Working(
      PixelSize size, WorkingMemory gpu, WorkingMemory gpuAlone, WorkingMemory cpu) {}

  /** Whether the model can be loaded. */
  public boolean usable() {
    return problems.isEmpty();
  }
}
