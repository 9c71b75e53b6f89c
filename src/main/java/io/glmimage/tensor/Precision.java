package io.glmimage.tensor;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** The precision of a network's large matrix products: {@code --precision}. */
public enum Precision {
  /** The dtype of the network's activations. */
  AUTO,

  /**
   * 8-bit floating point with 4 exponent bits (e4m3). Weights have a scale per output channel and
   * stay quantized in memory. Activations get a scale per token when they are computed. Sums are in
   * float32, results in the dtype of {@link #AUTO}. Applies to the linear layers of the diffusion
   * transformer's blocks and of the prior decoder; everything else is as with {@link #AUTO}.
   */
  FP8,

  /**
   * The weights of the prior decoder's linear layers as 8-bit integers with one scale per output
   * channel, for GPUs with little memory. They become numbers of {@link #AUTO}'s dtype before each
   * product, so this runs on every GPU. Everything else is as with {@link #AUTO}.
   */
  PRIOR_INT8;

  /** The accepted names, for messages. */
  public static final String NAMES =
      Arrays.stream(values()).map(Precision::toString).collect(Collectors.joining(" or "));

  /** Whether {@link #parse} accepts the name. */
  public static boolean isValid(String name) {
    return Arrays.stream(values()).anyMatch(precision -> precision.toString().equals(name));
  }

  /**
   * The precision of that name.
   *
   * @param name {@code auto}, {@code fp8} or {@code prior-int8}
   * @throws IllegalArgumentException for another name
   */
  public static Precision parse(String name) {
    for (Precision precision : values()) {
      if (precision.toString().equals(name)) {
        return precision;
      }
    }
    throw new IllegalArgumentException("Invalid precision: " + name + ", expected " + NAMES);
  }

  /** The precision of the diffusion transformer. */
  public Precision ofTransformer() {
    return this == PRIOR_INT8 ? AUTO : this;
  }

  /** The name that {@link #parse} accepts. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
