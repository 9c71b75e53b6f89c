package io.glmimage.image;

/**
 * An 8-bit RGB image.
 *
 * @param height in pixels
 * @param width in pixels
 * @param pixels {@code [height, width, 3]} in row-major order; not copied; treat it as read-only
 */
public record RgbImage(int height, int width, byte[] pixels) {
  public RgbImage {
    if (height <= 0 || width <= 0 || pixels.length != (long) height * width * 3) {
      throw new IllegalArgumentException(
          "Invalid image: " + width + " x " + height + " pixels with " + pixels.length + " bytes");
    }
  }
}
