package io.glmimage.model.prior;

import io.glmimage.kernel.SamplingSettings;
import io.glmimage.tensor.Compute;

/**
 * How a {@link PriorModel} runs.
 *
 * @param slots rows decoded at the same time: the fixed batch of every decoding step
 * @param sampling how tokens are drawn, or null for what the checkpoint's {@code
 *     generation_config.json} says
 */
public record PriorOptions(int slots, SamplingSettings sampling) {
  /**
   * A decoding step reads all weights once, whatever the batch: on a GPU 32 rows take about the
   * time of one.
   */
  public static final int GPU_SLOTS = 32;

  /**
   * A CPU library may sum a matrix product's row in another order at another place of the batch
   * (seen with batches of 6, 16 and 32), so that a row would depend on the slot it got.
   */
  public static final int CPU_SLOTS = 1;

  public PriorOptions {
    if (slots < 1) {
      throw new IllegalArgumentException("Invalid slots: " + slots + ", expected 1 or more");
    }
  }

  public static PriorOptions defaults(Compute compute) {
    return new PriorOptions(compute.isCuda() ? GPU_SLOTS : CPU_SLOTS, null);
  }

  public PriorOptions withSlots(int more) {
    return new PriorOptions(more, sampling);
  }

  public PriorOptions withSampling(SamplingSettings other) {
    return new PriorOptions(slots, other);
  }
}
