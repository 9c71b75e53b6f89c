package io.glmimage.quality;

import io.glmimage.image.RgbImage;

/**
 * An edited image with its figures.
 *
 * @param image the image, perhaps with pixels of the source pasted in
 * @param figures of {@code image}
 * @param changes from the source to {@code image}; null for text-to-image
 */
public record JudgedImage(RgbImage image, QualityFigures figures, ChangeMap changes) {
  /**
   * Judges an edited image.
   *
   * @param source the first source image; null for text-to-image
   * @param keepUnchanged whether the source's own pixels replace those that did not change visibly
   */
  public static JudgedImage of(RgbImage source, RgbImage edited, boolean keepUnchanged) {
    if (source == null) {
      return new JudgedImage(edited, QualityFigures.of(null, edited, null), null);
    }
    RgbImage aligned = QualityFigures.aligned(source, edited);
    ChangeMap changes = ChangeMap.of(aligned, edited);
    if (!keepUnchanged) {
      return new JudgedImage(edited, QualityFigures.of(aligned, edited, changes), changes);
    }
    RgbImage pasted = UnchangedPixels.pasted(aligned, edited, changes);
    ChangeMap kept = ChangeMap.of(aligned, pasted);
    return new JudgedImage(pasted, QualityFigures.of(aligned, pasted, kept), kept);
  }
}
