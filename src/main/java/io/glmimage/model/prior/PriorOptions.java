package io.glmimage.model.prior;

import io.glmimage.kernel.SamplingSettings;
import io.glmimage.tensor.Compute;

/**
 * How a {@link PriorModel} runs.
 *
 * @param slots most rows decoded at the same time: the fixed batch of every decoding step
 * @param chunk tokens that every product of prompts and source images multiplies, of one or several
 *     of them; 0 to compute each alone
 * @param sampling how tokens are drawn; null for the checkpoint's {@code generation_config.json}
 */
public record PriorOptions(int slots, int chunk, SamplingSettings sampling) {
  /**
   * A decoding step reads all weights once, whatever the batch. On a GPU, the products of 64 rows
   * take about as long as those of one.
   */
  public static final int GPU_SLOTS = 64;

  /**
   * Rows that have a slot on a GPU at any rate, and that estimates of memory count. More rows are
   * decoded together if they wait and there is room for their keys and values.
   */
  public static final int GPU_ROWS = 32;

  /**
   * On a CPU, the order of sums in a matrix product may depend on the row's place in the batch
   * (observed with batches of 6, 16 and 32). With more than one slot, a row's ids would depend on
   * its slot.
   */
  public static final int CPU_SLOTS = 1;

  /**
   * Products of this many tokens come close to a GPU's best rate. A lone prompt of a 1024 x 1024
   * source image, of about 1,070 tokens, fills half of it.
   */
  public static final int GPU_CHUNK = 2048;

  public PriorOptions {
    if (chunk < 0) {
      throw new IllegalArgumentException("Invalid chunk: " + chunk + ", expected 0 or more");
    }
    if (slots < 1) {
      throw new IllegalArgumentException("Invalid slots: " + slots + ", expected 1 or more");
    }
  }

  /** The slots and the chunk that suit the device, and the checkpoint's sampling. */
  public static PriorOptions defaults(Compute compute) {
    return compute.isCuda()
        ? new PriorOptions(GPU_SLOTS, GPU_CHUNK, null)
        : new PriorOptions(CPU_SLOTS, 0, null);
  }

  public PriorOptions withSlots(int other) {
    return new PriorOptions(other, chunk, sampling);
  }

  public PriorOptions withSampling(SamplingSettings other) {
    return new PriorOptions(slots, chunk, other);
  }

  PriorOptions withChunk(int other) {
    return new PriorOptions(slots, other, sampling);
  }
}
