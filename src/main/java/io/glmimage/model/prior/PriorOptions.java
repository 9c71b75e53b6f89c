package io.glmimage.model.prior;

import io.glmimage.kernel.SamplingSettings;
import io.glmimage.tensor.Compute;

/**
 * How a {@link PriorModel} runs.
 *
 * @param slots most rows decoded at the same time: the fixed batch of every decoding step
 * @param sampling how tokens are drawn; null for the checkpoint's {@code generation_config.json}
 */
public record PriorOptions(int slots, SamplingSettings sampling) {
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

  public PriorOptions {
    if (slots < 1) {
      throw new IllegalArgumentException("Invalid slots: " + slots + ", expected 1 or more");
    }
  }

  /** The slots that suit the device, and the checkpoint's sampling. */
  public static PriorOptions defaults(Compute compute) {
    return new PriorOptions(compute.isCuda() ? GPU_SLOTS : CPU_SLOTS, null);
  }

  public PriorOptions withSlots(int other) {
    return new PriorOptions(other, sampling);
  }

  public PriorOptions withSampling(SamplingSettings other) {
    return new PriorOptions(slots, other);
  }
}
