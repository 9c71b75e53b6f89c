package io.glmimage.quality;

import io.glmimage.image.RgbImage;
import java.util.Arrays;

/**
 * An image reduced by a whole factor. Every pixel is the mean of a block; blocks that do not fit
 * into the image are left out.
 *
 * @param values {@code [height, width, 3]}, 0 to 255
 */
record ReducedImage(int height, int width, float[] values) {
  /** The shorter side of a reduced image is about as long. */
  private static final int SIDE = 256;

  /** The factor for an image of this size. */
  static int factor(RgbImage image) {
    return Math.max(1, Math.round((float) Math.min(image.height(), image.width()) / SIDE));
  }

  static ReducedImage of(RgbImage image, int factor) {
    int height = image.height() / factor;
    int width = image.width() / factor;
    byte[] pixels = image.pixels();
    float[] values = new float[height * width * 3];
    int[] sums = new int[width * 3];
    float share = 1f / (factor * factor);
    for (int y = 0; y < height; y++) {
      Arrays.fill(sums, 0);
      for (int dy = 0; dy < factor; dy++) {
        int at = (y * factor + dy) * image.width() * 3;
        for (int x = 0; x < width * 3; x += 3) {
          for (int dx = 0; dx < factor; dx++, at += 3) {
            sums[x] += pixels[at] & 255;
            sums[x + 1] += pixels[at + 1] & 255;
            sums[x + 2] += pixels[at + 2] & 255;
          }
        }
      }
      for (int i = 0; i < sums.length; i++) {
        values[y * sums.length + i] = sums[i] * share;
      }
    }
    return new ReducedImage(height, width, values);
  }
}
