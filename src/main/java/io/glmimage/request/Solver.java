package io.glmimage.request;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** How the denoising loop gets from one noise level to the next. */
public enum Solver {
  /** First order: each step follows the network's output at its beginning. */
  EULER,
  /** Second order: each step extrapolates the network's outputs of this step and of the last. */
  MULTISTEP2;

  /** The name in options. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** The value with this label, if there is one. */
  public static Optional<Solver> of(String label) {
    return Arrays.stream(values()).filter(value -> value.label().equals(label)).findFirst();
  }

  public static List<String> labels() {
    return Arrays.stream(values()).map(Solver::label).toList();
  }

  /**
   * Why this solver cannot run with a step cache, or null if it can. A reused block output says
   * nothing about how the output changes, which the second order extrapolates.
   */
  public String cacheProblem(double stepCache) {
    return this == MULTISTEP2 && stepCache > 0
        ? "a step cache of "
            + stepCache
            + " cannot be combined with the solver "
            + label()
            + ", which needs every step computed (choose one of the two)"
        : null;
  }
}
