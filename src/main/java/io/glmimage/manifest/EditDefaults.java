package io.glmimage.manifest;

import io.glmimage.error.UsageException;
import io.glmimage.model.OutputLimits;
import io.glmimage.request.EditRequest;
import io.glmimage.request.LargeSources;
import io.glmimage.request.Preset;
import io.glmimage.request.Sizing;
import io.glmimage.request.Solver;
import java.io.Serializable;

/**
 * The settings of rows that give none, and the limits of all rows.
 *
 * @param seed seed of the job; the seed of a row that gives none is derived from it and the row's
 *     id
 * @param steps number of denoising steps
 * @param guidanceScale classifier-free guidance
 * @param height output height in pixels, or null to take the height of the first source image
 * @param width output width in pixels, or null to take the width of the first source image
 * @param maxPixels largest output in pixels (width times height)
 * @param stepCache part of the schedule (0 to 1) after which the transformer blocks are recomputed;
 *     0 recomputes them in every step. Applies to all rows
 * @param solver how the denoising loop gets from one noise level to the next. Applies to all rows
 * @param preset that the model's precision belongs to; null if it belongs to none
 * @param exactSize see {@link Sizing}
 * @param largeSources see {@link Sizing}
 */
public record EditDefaults(
    long seed,
    int steps,
    double guidanceScale,
    Integer height,
    Integer width,
    long maxPixels,
    double stepCache,
    Solver solver,
    Preset preset,
    boolean exactSize,
    LargeSources largeSources)
    implements Serializable {
  public static final long DEFAULT_MAX_PIXELS = Sizing.DEFAULT_MAX_PIXELS;
  public static final int MAX_STEPS = 1000;
  public static final double MAX_GUIDANCE_SCALE = 100;
  public static final double MAX_STEP_CACHE = 1;

  /** The smallest output in pixels. */
  public static final long MIN_PIXELS = (long) OutputLimits.MIN_SIDE * OutputLimits.MIN_SIDE;

  public EditDefaults {
    check("--steps", stepsProblem(steps));
    check("--guidance", guidanceProblem(guidanceScale));
    check("--height", height == null ? null : sideProblem(height));
    check("--width", width == null ? null : sideProblem(width));
    check("--step-cache", stepCacheProblem(stepCache));
    check("--step-cache", solver.cacheProblem(stepCache));
    if (maxPixels < MIN_PIXELS) {
      throw new UsageException(
          "Invalid --max-pixels: " + maxPixels + ", expected at least " + MIN_PIXELS);
    }
    if (height != null && width != null && (long) height * width > maxPixels) {
      throw new UsageException(
          "Invalid --height and --width: " + tooLarge(height, width, maxPixels));
    }
  }

  /** Defaults without a step cache, with the default solver and sizing. */
  public EditDefaults(
      long seed, int steps, double guidanceScale, Integer height, Integer width, long maxPixels) {
    this(
        seed,
        steps,
        guidanceScale,
        height,
        width,
        maxPixels,
        EditRequest.DEFAULT_STEP_CACHE,
        EditRequest.DEFAULT_SOLVER,
        null,
        Sizing.DEFAULT.exact(),
        Sizing.DEFAULT.largeSources());
  }

  /** The preset whose settings rows without own ones have; null if they are not those of one. */
  public Preset effectivePreset() {
    return preset != null && preset.hasSteps(solver, steps, stepCache) ? preset : null;
  }

  /** The preset whose settings a row has; null if they are not those of {@link #preset}. */
  public Preset presetOf(EditSettings row) {
    return preset != null && preset.hasSteps(row.solver(), row.steps(), row.stepCache())
        ? preset
        : null;
  }

  /** How the size of an edited image is decided. */
  public Sizing sizing() {
    return new Sizing(exactSize, largeSources, maxPixels);
  }

  /** Why an output of this size is too large, or null if it is not. */
  public String sizeProblem(int outputHeight, int outputWidth) {
    return (long) outputHeight * outputWidth > maxPixels
        ? "output " + tooLarge(outputHeight, outputWidth, maxPixels)
        : null;
  }

  static String stepsProblem(long steps) {
    return steps >= 1 && steps <= MAX_STEPS
        ? null
        : steps + ", expected 1 to " + MAX_STEPS + " steps";
  }

  static String guidanceProblem(double guidance) {
    return guidance >= 0 && guidance <= MAX_GUIDANCE_SCALE
        ? null
        : guidance + ", expected 0 to " + MAX_GUIDANCE_SCALE;
  }

  private static String stepCacheProblem(double stepCache) {
    return stepCache >= 0 && stepCache <= MAX_STEP_CACHE
        ? null
        : stepCache + ", expected 0 to " + MAX_STEP_CACHE;
  }

  static String sideProblem(long side) {
    return side >= OutputLimits.MIN_SIDE && side <= OutputLimits.MAX_SIDE
        ? null
        : side + ", expected " + OutputLimits.MIN_SIDE + " to " + OutputLimits.MAX_SIDE + " pixels";
  }

  private static String tooLarge(long height, long width, long maxPixels) {
    return width
        + " x "
        + height
        + " has "
        + height * width
        + " pixels, more than "
        + maxPixels
        + " (give a smaller width and height, or raise --max-pixels)";
  }

  private static void check(String option, String problem) {
    if (problem != null) {
      throw new UsageException("Invalid " + option + ": " + problem);
    }
  }
}
