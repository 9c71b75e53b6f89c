package io.glmimage.tensor;

import java.io.Serializable;

/**
 * How the memory for a model is found and checked before its weights are loaded.
 *
 * @param check false to load whatever the figures are
 * @param pool of another library on the GPU; null if there is none
 * @param budgetBytes of the device that the model may use; 0 for all that is free
 */
public record MemoryRule(boolean check, GpuPool pool, long budgetBytes) implements Serializable {
  /** Checks against all memory that is free. */
  public static final MemoryRule STANDARD = new MemoryRule(true, null, 0);

  private static final double LEAST_GB = 0.001;
  private static final double MOST_GB = 10_000;

  public MemoryRule {
    if (budgetBytes < 0) {
      throw new IllegalArgumentException("Invalid memory budget: " + budgetBytes + " bytes");
    }
  }

  /**
   * The bytes of a budget in GB (10^9 bytes).
   *
   * @param name of the option, for the message
   * @throws IllegalArgumentException for a text that is not a number in the limits
   */
  public static long parseBudget(String name, String gigabytes) {
    double value;
    try {
      value = Double.parseDouble(gigabytes.strip());
    } catch (NumberFormatException e) {
      value = Double.NaN;
    }
    if (!(value >= LEAST_GB && value <= MOST_GB)) {
      throw new IllegalArgumentException(
          "Invalid "
              + name
              + ": "
              + gigabytes
              + ", expected a number of GB from "
              + LEAST_GB
              + " to "
              + (int) MOST_GB);
    }
    return Math.round(value * 1e9);
  }

  /** The same with another budget. */
  public MemoryRule withBudget(long bytes) {
    return new MemoryRule(check, pool, bytes);
  }
}
