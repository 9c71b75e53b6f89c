package io.glmimage.tensor;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** What the large products of a network compute in. */
public enum Precision {
  /** The compute dtype. */
  AUTO,

  /**
   * 8-bit floating point with 4 exponent bits (e4m3): weights with a scale an output channel, kept
   * so in memory; activations with a scale a token, found as they are made. Sums in float32,
   * results in the compute dtype. For the linear layers of the diffusion transformer's blocks and
   * of the prior decoder; everything else as with {@link #AUTO}.
   */
  FP8;

  /**
   * @param name {@code auto} or {@code fp8}
   * @throws IllegalArgumentException for another name
   */
  public static Precision parse(String name) {
    for (Precision precision : values()) {
      if (precision.toString().equals(name)) {
        return precision;
      }
    }
    throw new IllegalArgumentException(
        "Invalid precision: "
            + name
            + ", expected "
            + Arrays.stream(values()).map(Precision::toString).collect(Collectors.joining(" or ")));
  }

  /** The name that {@link #parse} takes. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
