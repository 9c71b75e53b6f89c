package io.glmimage.output;

/**
 * What a run has cost.
 *
 * @param gpuHours of all GPUs that it had, whether they worked or not
 * @param price of a GPU for an hour
 */
public record RunCost(double gpuHours, double price) {
  /** In the currency of the price. */
  public double amount() {
    return gpuHours * price;
  }
}
