package io.glmimage.image;

import java.util.Arrays;

/**
 * Converts samples to 8-bit RGB. Without a profile, the values are those of Pillow's {@code
 * convert("RGB")}: 16-bit samples keep their high byte, grey is repeated, CMYK is multiplied out.
 *
 * <p>Transparent pixels are blended with a background in sRGB values, as programs that show images
 * do it.
 */
final class RgbConversion {
  /** Pixels that are converted together. */
  private static final int BAND_PIXELS = 1 << 16;

  private RgbConversion() {}

  /**
   * Converts an image.
   *
   * @param profile of the samples; null to convert without a profile
   * @param background as {@code 0xRRGGBB}; null to drop alpha
   */
  static RgbImage of(Samples samples, IccConversion profile, Integer background) {
    int width = samples.width();
    int height = samples.height();
    int stride = samples.stride();
    int band = Math.max(1, Math.min(height, BAND_PIXELS / width));
    byte[] out = new byte[width * height * 3];
    int[] row = new int[width * stride];
    Inks inks = profile == null ? null : new Inks(samples, width * band);
    int[] alphas = background != null && samples.alpha() ? new int[width * band] : null;
    for (int y = 0; y < height; y += band) {
      int rows = Math.min(band, height - y);
      for (int k = 0; k < rows; k++) {
        samples.rows().read(y + k, row);
        if (inks == null) {
          plain(samples, row, out, (y + k) * width * 3);
        } else {
          inks.add(row, k * width);
        }
        if (alphas != null) {
          for (int x = 0; x < width; x++) {
            alphas[k * width + x] = row[x * stride + stride - 1];
          }
        }
      }
      if (inks != null) {
        inks.convert(profile, rows * width, out, y * width * 3);
      }
      if (alphas != null) {
        blend(out, y * width * 3, alphas, rows * width, samples.highest(), background);
      }
    }
    return new RgbImage(height, width, out);
  }

  /** The colour samples of a band, without alpha. */
  private static final class Inks {
    private final int channels;
    private final int stride;
    private final byte[] bytes;
    private final short[] shorts;

    Inks(Samples samples, int pixels) {
      channels = samples.model().channels();
      stride = samples.stride();
      boolean isByte = samples.highest() == Samples.BYTE;
      bytes = isByte ? new byte[pixels * channels] : null;
      shorts = isByte ? null : new short[pixels * channels];
    }

    void add(int[] row, int pixel) {
      int o = pixel * channels;
      for (int i = 0; i < row.length; i += stride) {
        for (int c = 0; c < channels; c++, o++) {
          if (bytes != null) {
            bytes[o] = (byte) row[i + c];
          } else {
            shorts[o] = (short) row[i + c];
          }
        }
      }
    }

    void convert(IccConversion profile, int pixels, byte[] out, int o) {
      byte[] rgb =
          bytes != null
              ? profile.convert(Arrays.copyOf(bytes, pixels * channels), channels)
              : profile.convert(Arrays.copyOf(shorts, pixels * channels), channels);
      System.arraycopy(rgb, 0, out, o, rgb.length);
    }
  }

  private static void plain(Samples samples, int[] row, byte[] out, int start) {
    int shift = samples.highest() == Samples.BYTE ? 0 : 8;
    int stride = samples.stride();
    int o = start;
    for (int i = 0; i < row.length; i += stride, o += 3) {
      switch (samples.model()) {
        case GREY -> {
          byte grey = (byte) (row[i] >> shift);
          out[o] = grey;
          out[o + 1] = grey;
          out[o + 2] = grey;
        }
        case RGB -> {
          out[o] = (byte) (row[i] >> shift);
          out[o + 1] = (byte) (row[i + 1] >> shift);
          out[o + 2] = (byte) (row[i + 2] >> shift);
        }
        case CMYK -> {
          int paper = 255 - (row[i + 3] >> shift);
          out[o] = (byte) ink(row[i] >> shift, paper);
          out[o + 1] = (byte) ink(row[i + 1] >> shift, paper);
          out[o + 2] = (byte) ink(row[i + 2] >> shift, paper);
        }
      }
    }
  }

  /** One channel of a CMYK colour: Pillow's {@code 255 - k - ink * (255 - k) / 255}, rounded. */
  private static int ink(int ink, int paper) {
    int product = ink * paper + 128;
    return Math.max(0, paper - (((product >> 8) + product) >> 8));
  }

  private static void blend(
      byte[] out, int start, int[] alphas, int pixels, int opaque, int background) {
    int o = start;
    for (int i = 0; i < pixels; i++, o += 3) {
      int alpha = alphas[i];
      if (alpha != opaque) {
        for (int c = 0; c < 3; c++) {
          long behind = background >> (16 - 8 * c) & 255;
          long sum = (long) (out[o + c] & 255) * alpha + behind * (opaque - alpha);
          out[o + c] = (byte) ((sum + opaque / 2) / opaque);
        }
      }
    }
  }
}
