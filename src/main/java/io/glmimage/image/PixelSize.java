package io.glmimage.image;

/**
 * The size of an image.
 *
 * @param height in pixels
 * @param width in pixels
 */
public record PixelSize(int height, int width) {
  public PixelSize {
    if (height <= 0 || width <= 0) {
      throw new IllegalArgumentException(
          "Invalid image size: " + height + " x " + width + " pixels");
    }
  }

  /** {@code "480 x 640"}, height first. */
  @Override
  public String toString() {
    return height + " x " + width;
  }
}
