package io.glmimage.quality;

import io.glmimage.image.RgbImage;

/**
 * How much of an image is one colour: the share of pixels with all three channels within {@value
 * #NEAR} levels of the channels' medians. The image is reduced first, so that noise does not hide
 * an empty image.
 */
final class Flatness {
  private static final int NEAR = 10;

  private Flatness() {}

  static double of(RgbImage image) {
    ReducedImage reduced = ReducedImage.of(image, ReducedImage.factor(image));
    float[] values = reduced.values();
    int[] median = {median(values, 0), median(values, 1), median(values, 2)};
    int near = 0;
    for (int i = 0; i < values.length; i += 3) {
      if (Math.abs(values[i] - median[0]) <= NEAR
          && Math.abs(values[i + 1] - median[1]) <= NEAR
          && Math.abs(values[i + 2] - median[2]) <= NEAR) {
        near++;
      }
    }
    return 3.0 * near / values.length;
  }

  private static int median(float[] values, int channel) {
    int[] counts = new int[256];
    for (int i = channel; i < values.length; i += 3) {
      counts[Math.round(values[i])]++;
    }
    int half = (values.length / 3 + 1) / 2;
    int level = 0;
    for (int below = counts[0]; below < half; below += counts[level]) {
      level++;
    }
    return level;
  }
}
