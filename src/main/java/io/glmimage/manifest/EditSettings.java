package io.glmimage.manifest;

import io.glmimage.request.Sizing;

/**
 * How a row is edited: its own settings, completed by the defaults of the job.
 *
 * @param height output height in pixels, or null to take the height of the first source image
 * @param width output width in pixels, or null to take the width of the first source image
 * @param steps number of denoising steps
 * @param guidanceScale classifier-free guidance; 1 or less runs the conditional pass only
 * @param seed seed of all random numbers of the row
 * @param stepCache see {@link EditDefaults}
 * @param sizing how the size of the edited image is decided
 */
public record EditSettings(
    Integer height,
    Integer width,
    int steps,
    double guidanceScale,
    long seed,
    double stepCache,
    Sizing sizing) {
  /** Settings with the default sizing. */
  public EditSettings(
      Integer height, Integer width, int steps, double guidanceScale, long seed, double stepCache) {
    this(height, width, steps, guidanceScale, seed, stepCache, Sizing.DEFAULT);
  }

  /** The same settings with another seed. */
  EditSettings withSeed(long other) {
    return new EditSettings(height, width, steps, guidanceScale, other, stepCache, sizing);
  }
}
