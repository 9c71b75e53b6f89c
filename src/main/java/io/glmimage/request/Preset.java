package io.glmimage.request;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * A tested combination of precision, solver and number of steps, from exact to fast. Their quality
 * on the embedded model is in {@code benchmarks.md}.
 */
public enum Preset {
  /** As the reference. */
  EXACT("auto", Solver.EULER, EditRequest.DEFAULT_STEPS),
  /** Hard to tell from {@link #EXACT}. */
  BALANCED("auto", Solver.MULTISTEP2, 10),
  /** For drafts and very large numbers of images. */
  FAST("auto", Solver.MULTISTEP2, 6);

  private final String precision;
  private final Solver solver;
  private final int steps;

  Preset(String precision, Solver solver, int steps) {
    this.precision = precision;
    this.solver = solver;
    this.steps = steps;
  }

  /** The name in options. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** The preset with this label, if there is one. */
  public static Optional<Preset> of(String label) {
    return Arrays.stream(values()).filter(value -> value.label().equals(label)).findFirst();
  }

  public static List<String> labels() {
    return Arrays.stream(values()).map(Preset::label).toList();
  }

  /** Precision of the large linear layers, as the option {@code --precision}. */
  public String precision() {
    return precision;
  }

  /** How the denoising loop gets from one noise level to the next. */
  public Solver solver() {
    return solver;
  }

  /** Number of denoising steps. */
  public int steps() {
    return steps;
  }

  /** Whether an image is made with the settings of this preset, its precision apart. */
  public boolean hasSteps(Solver other, int otherSteps, double stepCache) {
    return solver == other && steps == otherSteps && stepCache == 0;
  }
}
