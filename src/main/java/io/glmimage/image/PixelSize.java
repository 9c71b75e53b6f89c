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
          "Invalid image size: " + width + " x " + height + " pixels");
    }
  }

  /** {@code "640 x 480"}, width first. */
  @Override
  public String toString() {
    return width + " x " + height;
  }
}
