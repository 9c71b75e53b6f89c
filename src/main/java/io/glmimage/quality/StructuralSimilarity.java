package io.glmimage.quality;

import io.glmimage.image.RgbImage;

/**
 * The mean structural similarity (SSIM) of two images of the same size.
 *
 * <p>Source: Wang, Bovik, Sheikh, Simoncelli, "Image quality assessment: from error visibility to
 * structural similarity", IEEE Transactions on Image Processing 13 (2004), equation 13, with the
 * constants given there: a Gaussian window of 11 x 11 and standard deviation 1.5, K1 = 0.01, K2 =
 * 0.03, L = 255. The windows lie inside the image. As the authors recommend, both images are first
 * reduced by the whole factor {@code max(1, round(shorter side / 256))}; here every pixel of the
 * reduced image is the mean of a block. The values are luma of ITU-R BT.601.
 */
final class StructuralSimilarity {
  private static final int RADIUS = 5;
  private static final double DEVIATION = 1.5;
  private static final double C1 = 0.01 * 255 * (0.01 * 255);
  private static final double C2 = 0.03 * 255 * (0.03 * 255);

  private StructuralSimilarity() {}

  static double of(RgbImage first, RgbImage second) {
    int factor = ReducedImage.factor(first);
    Plane x = luma(ReducedImage.of(first, factor));
    Plane y = luma(ReducedImage.of(second, factor));
    double[] window = window(Math.min(RADIUS, (Math.min(x.height(), x.width()) - 1) / 2));
    double[] meanX = x.filtered(window).values();
    double[] meanY = y.filtered(window).values();
    double[] squaresX = x.times(x).filtered(window).values();
    double[] squaresY = y.times(y).filtered(window).values();
    double[] products = x.times(y).filtered(window).values();
    double sum = 0;
    for (int i = 0; i < meanX.length; i++) {
      double mx = meanX[i];
      double my = meanY[i];
      double variances = squaresX[i] - mx * mx + squaresY[i] - my * my;
      double covariance = products[i] - mx * my;
      sum +=
          (2 * mx * my + C1)
              * (2 * covariance + C2)
              / ((mx * mx + my * my + C1) * (variances + C2));
    }
    return sum / meanX.length;
  }

  /** The Gaussian window along one axis; its sum is 1. */
  private static double[] window(int radius) {
    double[] window = new double[2 * radius + 1];
    double sum = 0;
    for (int i = 0; i < window.length; i++) {
      window[i] = Math.exp(-0.5 * (i - radius) * (i - radius) / (DEVIATION * DEVIATION));
      sum += window[i];
    }
    for (int i = 0; i < window.length; i++) {
      window[i] /= sum;
    }
    return window;
  }

  private static Plane luma(ReducedImage image) {
    double[] values = new double[image.height() * image.width()];
    float[] rgb = image.values();
    for (int i = 0; i < values.length; i++) {
      values[i] = 0.299 * rgb[3 * i] + 0.587 * rgb[3 * i + 1] + 0.114 * rgb[3 * i + 2];
    }
    return new Plane(image.height(), image.width(), values);
  }

  /**
   * One value per pixel.
   *
   * @param values {@code [height, width]}
   */
  private record Plane(int height, int width, double[] values) {
    Plane times(Plane other) {
      double[] products = new double[values.length];
      for (int i = 0; i < products.length; i++) {
        products[i] = values[i] * other.values[i];
      }
      return new Plane(height, width, products);
    }

    /** The weighted sums of all windows that lie inside the plane. */
    Plane filtered(double[] window) {
      int columns = width - window.length + 1;
      int rows = height - window.length + 1;
      double[] across = new double[height * columns];
      for (int y = 0; y < height; y++) {
        for (int k = 0; k < window.length; k++) {
          double weight = window[k];
          int from = y * width + k;
          int to = y * columns;
          for (int i = 0; i < columns; i++) {
            across[to + i] += weight * values[from + i];
          }
        }
      }
      double[] sums = new double[rows * columns];
      for (int y = 0; y < rows; y++) {
        for (int k = 0; k < window.length; k++) {
          double weight = window[k];
          int from = (y + k) * columns;
          int to = y * columns;
          for (int i = 0; i < columns; i++) {
            sums[to + i] += weight * across[from + i];
          }
        }
      }
      return new Plane(rows, columns, sums);
    }
  }
}
