package io.glmimage.tensor;

import java.io.Serializable;

/**
 * How the memory for a model's weights is checked before they are loaded.
 *
 * @param check false to load whatever the figures are
 * @param pool of another library on the GPU; null if there is none
 */
public record MemoryRule(boolean check, GpuPool pool) implements Serializable {
  /** Checks against all memory that is free. */
  public static final MemoryRule STANDARD = new MemoryRule(true, null);
}
