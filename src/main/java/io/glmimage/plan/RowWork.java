package io.glmimage.plan;

import java.io.Serializable;

/**
 * What decides how long the model works on a row.
 *
 * @param megapixels of the generated image
 * @param sourceMegapixels of all source images together, 0 for text-to-image
 * @param steps denoising steps
 * @param stepCache part of the schedule after which the transformer blocks are recomputed; 0 for
 *     every step
 * @param passes of the transformer per step: two with guidance, otherwise one
 */
public record RowWork(
    double megapixels, double sourceMegapixels, int steps, double stepCache, int passes)
    implements Serializable {

  /** Generated megapixels times steps times passes, without step caching. */
  public double megapixelSteps() {
    return megapixels * steps * passes;
  }

  /** Steps in which the transformer blocks are computed. */
  double computedSteps() {
    return stepCache > 0 ? Math.min(steps, Math.ceil(1 / stepCache) + 1) : steps;
  }
}
