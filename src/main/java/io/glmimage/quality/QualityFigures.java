package io.glmimage.quality;

import io.glmimage.image.Resampler;
import io.glmimage.image.RgbImage;

/**
 * Figures of an edited image. The first three compare the image with its first source image and are
 * null for text-to-image.
 *
 * @param changedFraction share of the pixels that changed visibly, 0 to 1; see {@link ChangeMap}
 * @param ssim structural similarity to the source, at most 1; see {@link StructuralSimilarity}
 * @param psnr peak signal-to-noise ratio to the source in dB, over the three channels; {@value
 *     #MOST_DECIBELS} at most, which equal images have
 * @param flatness share of the image that has nearly its median colour, 0 to 1; see {@link
 *     Flatness}
 */
public record QualityFigures(Double changedFraction, Double ssim, Double psnr, double flatness) {
  static final double MOST_DECIBELS = 100;

  /**
   * The figures of an edited image.
   *
   * @param source the first source image, resized to the size of the edited image; null for
   *     text-to-image
   * @param changes from the source to the edited image; null for text-to-image
   */
  static QualityFigures of(RgbImage source, RgbImage edited, ChangeMap changes) {
    double flatness = Flatness.of(edited);
    return source == null
        ? new QualityFigures(null, null, null, flatness)
        : new QualityFigures(
            changes.changedFraction(),
            StructuralSimilarity.of(source, edited),
            psnr(source, edited),
            flatness);
  }

  /** The source image as the model saw it: stretched to the size of the edited image. */
  static RgbImage aligned(RgbImage source, RgbImage edited) {
    return source.height() == edited.height() && source.width() == edited.width()
        ? source
        : Resampler.lanczos(source, edited.height(), edited.width());
  }

  /**
   * Peak signal-to-noise ratio of two images of the same size in dB, over the three channels;
   * {@value #MOST_DECIBELS} at most.
   */
  public static double psnr(RgbImage one, RgbImage other) {
    byte[] a = one.pixels();
    byte[] b = other.pixels();
    long squares = 0;
    for (int i = 0; i < a.length; i++) {
      int d = (a[i] & 255) - (b[i] & 255);
      squares += (long) d * d;
    }
    return squares == 0
        ? MOST_DECIBELS
        : Math.min(MOST_DECIBELS, 10 * Math.log10(255 * 255 * (double) a.length / squares));
  }
}
