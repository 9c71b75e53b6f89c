package io.glmimage.model.processor;

import io.glmimage.image.PixelSize;
import io.glmimage.image.Resampler;
import io.glmimage.image.RgbImage;
import io.glmimage.model.Grid;

/**
 * The sizes of one edit.
 *
 * @param generated the size that the model generates: multiples of 32
 * @param output the size of the edited image
 * @param cropped whether the edited image is cut from the middle of the generated one; otherwise
 *     the generated image is resized
 * @param firstGrid grid of patches at which the first source image is read; null for text-to-image
 * @param scale pixels of the edited image per pixel of the first source image; null for
 *     text-to-image, and if the two differ in aspect ratio
 */
public record SizePlan(
    PixelSize generated, PixelSize output, boolean cropped, Grid firstGrid, Double scale) {
  /** A text-to-image plan whose output is the generated image. */
  public static SizePlan unchanged(PixelSize size) {
    return new SizePlan(size, size, true, null, null);
  }

  /**
   * Makes the edited image of the generated one.
   *
   * <p>A resize maps the whole image to the whole image, as the processor does with sources, so an
   * edit stays aligned with its source. Its filter is that of the VAE's input.
   */
  public RgbImage finish(RgbImage image) {
    if (output.height() == image.height() && output.width() == image.width()) {
      return image;
    }
    return cropped ? middle(image) : Resampler.lanczos(image, output.height(), output.width());
  }

  private RgbImage middle(RgbImage image) {
    int top = (image.height() - output.height()) / 2;
    int left = (image.width() - output.width()) / 2;
    int length = output.width() * 3;
    byte[] pixels = new byte[output.height() * length];
    for (int y = 0; y < output.height(); y++) {
      int from = ((top + y) * image.width() + left) * 3;
      System.arraycopy(image.pixels(), from, pixels, y * length, length);
    }
    return new RgbImage(output.height(), output.width(), pixels);
  }
}
