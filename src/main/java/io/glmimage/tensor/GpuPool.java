package io.glmimage.tensor;

import java.io.Serializable;

/**
 * GPU memory that another library of this process takes, or may take later, for itself.
 *
 * @param fraction of the GPU's memory, from 0 to 1
 * @param reserveBytes that it leaves of this fraction
 * @param name of the setting, for messages
 */
public record GpuPool(double fraction, long reserveBytes, String name) implements Serializable {
  /** Bytes of the GPU's memory that are left. */
  public long leaves(long total) {
    return total - Math.max(0, (long) (total * fraction) - reserveBytes);
  }
}
