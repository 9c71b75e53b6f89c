package io.glmimage.job;

import io.glmimage.error.UsageException;
import io.glmimage.manifest.EditDefaults;
import io.glmimage.model.OutputLimits;
import io.glmimage.request.EditRequest;
import io.glmimage.request.LargeSources;
import io.glmimage.request.Preset;
import io.glmimage.request.Sizing;
import io.glmimage.request.Solver;
import picocli.CommandLine.Option;

/** Options for rows that leave a value open. */
final class DefaultsFlags {
  private static final String ON = "on";
  private static final String OFF = "off";

  /** The description of --solver, for every command that has it. */
  static final String SOLVER =
      "How a denoising step uses the network's outputs: euler (first order, as the reference) or"
          + " multistep2 (second order, extrapolates from the last output). multistep2 needs about a"
          + " fifth of the steps, for example --steps 10, and cannot be combined with --step-cache."
          + " Default: that of --preset (exact: euler).";

  /** The description of --preset, for every command that has it. */
  static final String PRESET =
      "Tested combination of --precision, --solver and --steps, from slow and exact to fast. exact:"
          + " auto, euler, 50. balanced: auto, multistep2, 10. fast: auto, multistep2, 6. An option"
          + " that is given as well replaces its part. Default: ${DEFAULT-VALUE}.";

  @Option(
      names = "--preset",
      paramLabel = "exact|balanced|fast",
      defaultValue = "exact",
      description = PRESET)
  private String preset;

  @Option(
      names = "--steps",
      paramLabel = "N",
      description =
          "Denoising steps (1 to "
              + EditDefaults.MAX_STEPS
              + ") of rows without num_inference_steps. Default: that of --preset (exact: "
              + EditRequest.DEFAULT_STEPS
              + ").")
  private Integer steps;

  @Option(
      names = {"--guidance", "--guidance-scale"},
      paramLabel = "X",
      description =
          "Guidance scale (0 to 100) of rows without guidance_scale. 1 or less switches"
              + " classifier-free guidance off, which halves the denoising time. Default:"
              + " ${DEFAULT-VALUE}.")
  private double guidance = EditRequest.DEFAULT_GUIDANCE_SCALE;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description =
          "Base seed (64-bit). A row without seed gets one derived from this and from its id, which is"
              + " given or made from its content. Default: ${DEFAULT-VALUE}.")
  private long seed;

  @Option(
      names = "--height",
      paramLabel = "PIXELS",
      description =
          "Output height of rows without height ("
              + OutputLimits.MIN_SIDE
              + " to "
              + OutputLimits.MAX_SIDE
              + "). Default: that of the first source image;"
              + " text-to-image: "
              + OutputLimits.DEFAULT_SIDE
              + ".")
  private Integer height;

  @Option(
      names = "--width",
      paramLabel = "PIXELS",
      description =
          "Output width of rows without width ("
              + OutputLimits.MIN_SIDE
              + " to "
              + OutputLimits.MAX_SIDE
              + "). Default: that of the first source image;"
              + " text-to-image: "
              + OutputLimits.DEFAULT_SIDE
              + ".")
  private Integer width;

  @Option(
      names = "--max-pixels",
      paramLabel = "N",
      description =
          "Largest output, height times width. A row that asks for more fails; for a larger source"
              + " image see --large-sources. Default: ${DEFAULT-VALUE} (2048 x 2048).")
  private long maxPixels = EditDefaults.DEFAULT_MAX_PIXELS;

  @Option(
      names = "--exact-size",
      paramLabel = "on|off",
      description =
          "on: the edited image has exactly the requested size, or that of the first source"
              + " image, and is aligned with it. With off, sides are rounded down to multiples of 32, as"
              + " in the reference. Default: ${DEFAULT-VALUE}.")
  private String exactSize = ON;

  @Option(
      names = "--large-sources",
      paramLabel = "fit|fail|upscale",
      description =
          "What to do if no size is requested and the first source image is too large for the"
              + " model or --max-pixels. With fit, the row is edited at the largest size that fits; the"
              + " column scale has the factor. With fail, the row fails. With upscale, the result of fit"
              + " is resized to the size of the source. Default: ${DEFAULT-VALUE}.")
  private String largeSources = Sizing.DEFAULT.largeSources().label();

  @Option(
      names = "--step-cache",
      paramLabel = "X",
      defaultValue = "0",
      description =
          "Step caching: recompute the transformer blocks only after the time embedding has moved by"
              + " a fraction X (0 to 1) of its total change. Other steps reuse the last block output:"
              + " faster, less exact. Deprecated: --solver multistep2 is closer with the same work. Default:"
              + " ${DEFAULT-VALUE} (recompute in every step).")
  private double stepCache;

  @Option(names = "--solver", paramLabel = "euler|multistep2", description = SOLVER)
  private String solver;

  /** The preset, which gives the options that are not given their values. */
  Preset preset() {
    Preset chosen = preset(preset);
    steps = steps == null ? chosen.steps() : steps;
    solver = solver == null ? chosen.solver().label() : solver;
    return chosen;
  }

  /**
   * The defaults of rows.
   *
   * @param precision of the model, as the option --precision; null if no model is used
   */
  EditDefaults options(String precision) {
    Preset chosen = preset();
    return new EditDefaults(
        seed,
        steps,
        guidance,
        height,
        width,
        maxPixels,
        stepCache,
        solver("--solver", solver),
        chosen.precision().equals(precision) ? chosen : null,
        exactSize(),
        largeSources());
  }

  /**
   * The preset of an option.
   *
   * @throws UsageException for a name that is not a preset
   */
  static Preset preset(String name) {
    return Preset.of(name)
        .orElseThrow(
            () ->
                new UsageException(
                    "Invalid --preset: "
                        + name
                        + ", expected one of "
                        + String.join(", ", Preset.labels())));
  }

  /**
   * The solver of an option.
   *
   * @throws UsageException for a name that is not a solver
   */
  static Solver solver(String option, String name) {
    return Solver.of(name)
        .orElseThrow(
            () ->
                new UsageException(
                    "Invalid "
                        + option
                        + ": "
                        + name
                        + ", expected one of "
                        + String.join(", ", Solver.labels())));
  }

  private boolean exactSize() {
    if (!exactSize.equals(ON) && !exactSize.equals(OFF)) {
      throw new UsageException("Invalid --exact-size: " + exactSize + ", expected on or off");
    }
    return exactSize.equals(ON);
  }

  private LargeSources largeSources() {
    return LargeSources.of(largeSources)
        .orElseThrow(
            () ->
                new UsageException(
                    "Invalid --large-sources: "
                        + largeSources
                        + ", expected one of "
                        + String.join(", ", LargeSources.labels())));
  }
}
