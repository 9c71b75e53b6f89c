package io.glmimage.model.processor;

import io.glmimage.error.InvalidRequestException;
import io.glmimage.image.PixelSize;
import java.io.Serializable;
import java.util.Locale;

/**
 * The size at which the vision tower sees a source image: about half of the image's own size, in
 * whole merge blocks. The sides are first brought between the square roots of {@code minPixels} and
 * {@code maxPixels}.
 *
 * <p>Ported from transformers src/transformers/models/glm_image/image_processing_glm_image.py,
 * smart_resize (5.17.0). Rounding is half to even, as in Python. Deviation: {@link #of} also takes
 * images with a side below the factor.
 *
 * @param factor side of a merge block in pixels: patch size times merge size
 * @param minPixels its square root is the smallest short side
 * @param maxPixels its square root is the largest long side
 */
record SmartResize(int factor, int minPixels, int maxPixels) implements Serializable {
  /** The largest ratio of the long to the short side that the model supports. */
  static final int MAX_ASPECT_RATIO = 4;

  SmartResize {
    if (factor <= 0 || minPixels <= 0 || maxPixels <= 0) {
      throw new IllegalArgumentException(
          "Invalid resize rule: factor " + factor + ", " + minPixels + " to " + maxPixels);
    }
  }

  /**
   * The size of any source, as {@link #reference} gives it. A source with a side below the factor
   * is first enlarged, in its aspect ratio, until its short side is the factor.
   *
   * @throws InvalidRequestException if the aspect ratio is above 4
   */
  PixelSize of(PixelSize source) {
    checkAspect(source);
    int shortSide = Math.min(source.height(), source.width());
    if (shortSide >= factor) {
      return reference(source);
    }
    double enlarge = (double) factor / shortSide;
    return reference(
        new PixelSize(
            (int) Math.round(source.height() * enlarge),
            (int) Math.round(source.width() * enlarge)));
  }

  /**
   * The reference's rule, unchanged.
   *
   * @throws InvalidRequestException if a side is below the factor, or the aspect ratio above 4
   */
  PixelSize reference(PixelSize source) {
    int shortSide = Math.min(source.height(), source.width());
    int longSide = Math.max(source.height(), source.width());
    if (shortSide < factor) {
      throw new InvalidRequestException(
          "Cannot use a source image of "
              + source
              + " pixels: a side is below the minimum of "
              + factor
              + " pixels");
    }
    checkAspect(source);
    int shortestEdge = (int) Math.rint(Math.sqrt(minPixels));
    int longestEdge = longestEdge();
    double scale = 1;
    if (shortSide < shortestEdge) {
      scale = (double) shortestEdge / shortSide;
    }
    if (longSide * scale > longestEdge) {
      scale = (double) longestEdge / longSide;
    }
    int height = round(source.height() / 2, scale);
    int width = round(source.width() / 2, scale);
    if (Math.max(height, width) > longestEdge) {
      double beta = (double) Math.max(height, width) / longestEdge;
      height = Math.max(factor, (int) Math.floor(height / beta / factor) * factor);
      width = Math.max(factor, (int) Math.floor(width / beta / factor) * factor);
    }
    return new PixelSize(height, width);
  }

  /** The longest side of a source, in pixels, that is not reduced. */
  int longestEdge() {
    return (int) Math.rint(Math.sqrt(maxPixels));
  }

  private int round(int side, double scale) {
    return Math.max(factor, (int) Math.rint(side * scale / factor) * factor);
  }

  static void checkAspect(PixelSize source) {
    double ratio =
        (double) Math.max(source.height(), source.width())
            / Math.min(source.height(), source.width());
    if (ratio > MAX_ASPECT_RATIO) {
      throw new InvalidRequestException(
          String.format(
              Locale.ROOT,
              "Cannot use a source image of %s pixels: its aspect ratio is %.2f, the model takes at"
                  + " most %d; crop or pad it",
              source,
              ratio,
              MAX_ASPECT_RATIO));
    }
  }
}
