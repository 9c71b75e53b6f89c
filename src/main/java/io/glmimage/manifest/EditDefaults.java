package io.glmimage.manifest;

import io.glmimage.error.UsageException;
import io.glmimage.request.EditRequest;
import java.io.Serializable;

/**
 * What holds for rows that do not say otherwise, and the limits that hold for all.
 *
 * @param seed the job's seed; a row without one gets a seed derived from this and its id
 * @param steps denoising steps
 * @param guidanceScale classifier-free guidance
 * @param height output height in pixels, or null for the first source's
 * @param width output width in pixels, or null for the first source's
 * @param maxPixels the largest output in pixels (height times width)
 * @param stepCache of all rows: the part of the schedule that goes by before the transformer's
 *     blocks run again; 0 runs them in every step
 */
public record EditDefaults(
    long seed,
    int steps,
    double guidanceScale,
    Integer height,
    Integer width,
    long maxPixels,
    double stepCache)
    implements Serializable {
  public static final long DEFAULT_MAX_PIXELS = 2048L * 2048;
  public static final int MAX_STEPS = 1000;
  public static final double MAX_GUIDANCE_SCALE = 100;
  public static final double MAX_STEP_CACHE = 1;

  /** The side of one prior token; a smaller picture has none. */
  public static final int MIN_SIDE = 32;

  /** No side can be larger, whatever the limit on pixels. */
  public static final int MAX_SIDE = 16384;

  public EditDefaults {
    check("--steps", stepsProblem(steps));
    check("--guidance", guidanceProblem(guidanceScale));
    check("--height", height == null ? null : sideProblem(height));
    check("--width", width == null ? null : sideProblem(width));
    check("--step-cache", stepCacheProblem(stepCache));
    if (maxPixels < (long) MIN_SIDE * MIN_SIDE) {
      throw new UsageException(
          "Invalid --max-pixels: " + maxPixels + ", expected at least " + MIN_SIDE * MIN_SIDE);
    }
    if (height != null && width != null && (long) height * width > maxPixels) {
      throw new UsageException(
          "Invalid --height and --width: " + tooLarge(height, width, maxPixels));
    }
  }

  /** Every step computed. */
  public EditDefaults(
      long seed, int steps, double guidanceScale, Integer height, Integer width, long maxPixels) {
    this(seed, steps, guidanceScale, height, width, maxPixels, EditRequest.DEFAULT_STEP_CACHE);
  }

  /** Why this output is too large, or null if it is not. */
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

  private static String stepCacheProblem(double threshold) {
    return threshold >= 0 && threshold <= MAX_STEP_CACHE
        ? null
        : threshold + ", expected 0 to " + MAX_STEP_CACHE;
  }

  static String sideProblem(long side) {
    return side >= MIN_SIDE && side <= MAX_SIDE
        ? null
        : side + ", expected " + MIN_SIDE + " to " + MAX_SIDE + " pixels";
  }

  private static String tooLarge(long height, long width, long maxPixels) {
    return height
        + " x "
        + width
        + " has "
        + height * width
        + " pixels, more than "
        + maxPixels
        + " (give a smaller height and width, or raise --max-pixels)";
  }

  private static void check(String option, String problem) {
    if (problem != null) {
      throw new UsageException("Invalid " + option + ": " + problem);
    }
  }
}
