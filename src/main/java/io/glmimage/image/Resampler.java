package io.glmimage.image;

import java.util.Arrays;

/**
 * Antialiased resizing of 8-bit images with integer weights. The results equal those of Pillow and
 * torch bit by bit.
 *
 * <p>A resize has two passes, first across the width, then down the height. The result of the first
 * pass is rounded and clamped to 0..255. A pass that does not change the size is skipped. For
 * output index {@code i} of {@code n} over {@code m} inputs: {@code scale = m / n}, {@code f =
 * max(scale, 1)}, centre {@code (i + 0.5) * scale}, weights {@code filter((j - centre + 0.5) / f)}
 * normalised to sum 1 and multiplied by {@code 2^P}, rounded half away from zero. Pillow's P is 22.
 * For each pass, torch's uint8 kernel takes the largest P up to 22 whose weights fit into 16 signed
 * bits.
 *
 * <p>Sources of the formulas: Pillow's Resample.c and torch's UpSampleKernelAVXAntialias.h.
 */
public final class Resampler {
  private static final int PILLOW_PRECISION = 22;

  private Resampler() {}

  /** Pillow's LANCZOS: a windowed sinc of support 3. */
  public static RgbImage lanczos(RgbImage image, int height, int width) {
    return resize(image, height, width, Filter.LANCZOS, false);
  }

  /** Pillow's BICUBIC: support 2, a = -0.5. */
  public static RgbImage bicubic(RgbImage image, int height, int width) {
    return resize(image, height, width, Filter.BICUBIC, false);
  }

  /** torch's antialiased bicubic kernel for uint8 tensors. */
  public static RgbImage bicubicTorch(RgbImage image, int height, int width) {
    return resize(image, height, width, Filter.BICUBIC, true);
  }

  private enum Filter {
    BICUBIC(2) {
      @Override
      double at(double x) {
        double a = -0.5;
        double d = Math.abs(x);
        if (d < 1) {
          return ((a + 2) * d - (a + 3)) * d * d + 1;
        }
        return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0;
      }
    },
    LANCZOS(3) {
      @Override
      double at(double x) {
        return -3 <= x && x < 3 ? sinc(x) * sinc(x / 3) : 0;
      }
    };

    final double support;

    Filter(double support) {
      this.support = support;
    }

    abstract double at(double x);

    private static double sinc(double x) {
      if (x == 0) {
        return 1;
      }
      double t = x * Math.PI;
      return StrictMath.sin(t) / t;
    }
  }

  /**
   * The weights of one pass.
   *
   * @param taps number of weights per output index in {@code values}
   * @param first index of the first input of each output
   * @param count number of weights used of each output
   * @param values {@code [outputs, taps]}
   * @param precision P
   */
  private record Weights(int taps, int[] first, int[] count, int[] values, int precision) {
    static Weights of(int inputs, int outputs, Filter filter, boolean torch) {
      double scale = (double) inputs / outputs;
      double stretch = Math.max(scale, 1);
      double support = filter.support * stretch;
      int taps = (int) Math.ceil(support) * 2 + 1;
      int[] first = new int[outputs];
      int[] count = new int[outputs];
      double[] exact = new double[Math.multiplyExact(outputs, taps)];
      double largest = 0;
      for (int i = 0; i < outputs; i++) {
        double centre = (i + 0.5) * scale;
        int lo = Math.max((int) (centre - support + 0.5), 0);
        int hi = Math.min((int) (centre + support + 0.5), inputs);
        double sum = 0;
        for (int j = lo; j < hi; j++) {
          double w = filter.at((j - centre + 0.5) * (1 / stretch));
          exact[i * taps + j - lo] = w;
          sum += w;
        }
        for (int j = 0; j < hi - lo; j++) {
          exact[i * taps + j] /= sum;
          largest = Math.max(largest, exact[i * taps + j]);
        }
        first[i] = lo;
        count[i] = hi - lo;
      }
      int precision = torch ? torchPrecision(largest) : PILLOW_PRECISION;
      int[] values = new int[exact.length];
      for (int k = 0; k < values.length; k++) {
        double v = exact[k] * (1 << precision);
        values[k] = (int) (v < 0 ? v - 0.5 : v + 0.5);
      }
      return new Weights(taps, first, count, values, precision);
    }

    private static int torchPrecision(double largest) {
      int precision = 0;
      while (precision < PILLOW_PRECISION
          && (int) (0.5 + largest * (1 << (precision + 1))) < 1 << 15) {
        precision++;
      }
      return precision;
    }
  }

  private static RgbImage resize(
      RgbImage image, int height, int width, Filter filter, boolean torch) {
    if (height <= 0 || width <= 0) {
      throw new IllegalArgumentException(
          "Cannot resize an image to " + width + " x " + height + " pixels");
    }
    byte[] pixels = image.pixels();
    if (width != image.width()) {
      Weights weights = Weights.of(image.width(), width, filter, torch);
      pixels = across(pixels, image.height(), image.width(), width, weights);
    }
    if (height != image.height()) {
      Weights weights = Weights.of(image.height(), height, filter, torch);
      pixels = down(pixels, height, width, weights);
    }
    return new RgbImage(height, width, pixels);
  }

  /** {@code [height, from, 3] -> [height, to, 3]} */
  private static byte[] across(byte[] in, int height, int from, int to, Weights weights) {
    byte[] out = new byte[Math.multiplyExact(height * 3, to)];
    int half = 1 << (weights.precision - 1);
    for (int y = 0; y < height; y++) {
      int row = y * from * 3;
      int o = y * to * 3;
      for (int x = 0; x < to; x++) {
        int r = half;
        int g = half;
        int b = half;
        int p = row + weights.first[x] * 3;
        int k = x * weights.taps;
        for (int end = k + weights.count[x]; k < end; k++) {
          int w = weights.values[k];
          r += w * (in[p] & 255);
          g += w * (in[p + 1] & 255);
          b += w * (in[p + 2] & 255);
          p += 3;
        }
        out[o++] = clamp(r >> weights.precision);
        out[o++] = clamp(g >> weights.precision);
        out[o++] = clamp(b >> weights.precision);
      }
    }
    return out;
  }

  /** {@code [from, width, 3] -> [height, width, 3]} */
  private static byte[] down(byte[] in, int height, int width, Weights weights) {
    int stride = width * 3;
    byte[] out = new byte[Math.multiplyExact(height, stride)];
    int[] sums = new int[stride];
    for (int y = 0; y < height; y++) {
      Arrays.fill(sums, 1 << (weights.precision - 1));
      for (int k = 0; k < weights.count[y]; k++) {
        int w = weights.values[y * weights.taps + k];
        int p = (weights.first[y] + k) * stride;
        for (int x = 0; x < stride; x++) {
          sums[x] += w * (in[p + x] & 255);
        }
      }
      int o = y * stride;
      for (int x = 0; x < stride; x++) {
        out[o + x] = clamp(sums[x] >> weights.precision);
      }
    }
    return out;
  }

  private static byte clamp(int value) {
    return (byte) Math.max(0, Math.min(255, value));
  }
}
