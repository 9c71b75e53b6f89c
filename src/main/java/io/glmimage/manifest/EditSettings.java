package io.glmimage.manifest;

import io.glmimage.request.EditRequest;
import io.glmimage.request.Sizing;
import io.glmimage.request.Solver;

/**
 * How a row is edited: its own settings, completed by the defaults of the job.
 *
 * @param height output height in pixels, or null to take the height of the first source image
 * @param width output width in pixels, or null to take the width of the first source image
 * @param steps number of denoising steps
 * @param guidanceScale classifier-free guidance; 1 or less runs the conditional pass only
 * @param seed seed of all random numbers of the row
 * @param stepCache see {@link EditDefaults}
 * @param solver see {@link EditDefaults}
 * @param sizing how the size of the edited image is decided
 */
public record EditSettings(
    Integer height,
    Integer width,
    int steps,
    double guidanceScale,
    long seed,
    double stepCache,
    Solver solver,
    Sizing sizing) {
  /** Settings with the default solver and sizing. */
  public EditSettings(
      Integer height, Integer width, int steps, double guidanceScale, long seed, double stepCache) {
    this(
        height,
        width,
        steps,
        guidanceScale,
        seed,
        stepCache,
        EditRequest.DEFAULT_SOLVER,
        Sizing.DEFAULT);
  }

  /** The same settings with another seed. */
  EditSettings withSeed(long other) {
    return new EditSettings(height, width, steps, guidanceScale, other, stepCache, solver, sizing);
  }
}
