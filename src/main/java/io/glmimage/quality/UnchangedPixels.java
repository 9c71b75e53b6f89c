package io.glmimage.quality;

import io.glmimage.image.RgbImage;

/**
 * Pastes the source's own pixels into an edited image where nothing changed visibly.
 *
 * <p>The feather has r pixels. Pixels up to r from a visible change are those of the edited image.
 * Pixels further away than 3 r are those of the source. Pixels between are blended. The value of r
 * is 1/256 of the shorter side, at least 2.
 */
final class UnchangedPixels {
  private UnchangedPixels() {}

  /**
   * @param changes from {@code source} to {@code edited}, all of the same size
   */
  static RgbImage pasted(RgbImage source, RgbImage edited, ChangeMap changes) {
    int height = edited.height();
    int width = edited.width();
    int feather = Math.max(2, Math.round((float) Math.min(height, width) / 256));
    int[] changed = new int[height * width];
    for (int i = 0; i < changed.length; i++) {
      changed[i] = changes.changed(i) ? 1 : 0;
    }
    // 1. Widen the changed regions.
    int[] wide = boxSums(changed, height, width, 2 * feather);
    for (int i = 0; i < wide.length; i++) {
      wide[i] = wide[i] > 0 ? 1 : 0;
    }

    // 2. Fade their edges, and blend.
    int[] weights = boxSums(wide, height, width, feather);
    byte[] from = source.pixels();
    byte[] to = edited.pixels();
    byte[] out = new byte[to.length];
    for (int y = 0, pixel = 0; y < height; y++) {
      int rows = windowSize(y, height, feather);
      for (int x = 0; x < width; x++, pixel++) {
        int all = rows * windowSize(x, width, feather);
        for (int i = 3 * pixel; i < 3 * pixel + 3; i++) {
          int a = from[i] & 255;
          int b = to[i] & 255;
          out[i] = (byte) ((a * (all - weights[pixel]) + b * weights[pixel] + all / 2) / all);
        }
      }
    }
    return new RgbImage(height, width, out);
  }

  /** Number of positions within {@code radius} of one, cut at the ends. */
  private static int windowSize(int at, int size, int radius) {
    return Math.min(size - 1, at + radius) - Math.max(0, at - radius) + 1;
  }

  /** The sums over the squares of this radius around all pixels, cut at the edges. */
  private static int[] boxSums(int[] values, int height, int width, int radius) {
    int[] across = new int[values.length];
    for (int y = 0; y < height; y++) {
      lineSums(values, across, y * width, 1, width, radius);
    }
    int[] sums = new int[values.length];
    for (int x = 0; x < width; x++) {
      lineSums(across, sums, x, width, height, radius);
    }
    return sums;
  }

  private static void lineSums(int[] in, int[] out, int start, int step, int size, int radius) {
    int sum = 0;
    for (int i = -radius; i < size; i++) {
      if (i + radius < size) {
        sum += in[start + (i + radius) * step];
      }
      if (i - radius - 1 >= 0) {
        sum -= in[start + (i - radius - 1) * step];
      }
      if (i >= 0) {
        out[start + i * step] = sum;
      }
    }
  }
}
