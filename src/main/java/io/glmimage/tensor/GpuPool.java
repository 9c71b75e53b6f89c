package io.glmimage.tensor;

import java.io.Serializable;

/**
 * GPU memory that another library of this process takes, or may take later, for itself. The library
 * takes a fraction of what is free when it starts, up to a limit.
 *
 * @param fraction of the free memory less {@code reserveBytes}, from 0 to 1
 * @param limit fraction of the GPU's memory; {@code reserveBytes} less is the most that it takes
 * @param reserveBytes that it leaves free
 */
public record GpuPool(double fraction, double limit, long reserveBytes) implements Serializable {
  /** The most bytes of the GPU's memory that it takes. */
  public long most(long total) {
    double share = fraction * (total - reserveBytes);
    return (long) Math.max(0, Math.min(share, total * limit - reserveBytes));
  }

  /** Bytes of the GPU's memory that are left. */
  public long leaves(long total) {
    return total - most(total);
  }
}
