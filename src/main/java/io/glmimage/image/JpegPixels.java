package io.glmimage.image;

import java.awt.image.Raster;
import java.nio.charset.StandardCharsets;
import javax.imageio.IIOException;

/**
 * Converts the components of a JPEG file, as libjpeg decodes and upsamples them, to RGB. The
 * meaning of the components and the integer arithmetic are libjpeg's, so that ImageIO's colour
 * management has no influence. Source: jdapimin.c (default_decompress_parms) and jdcolor.c of
 * libjpeg 6b.
 */
final class JpegPixels {
  private static final int SCALE = 16;
  private static final int HALF = 1 << (SCALE - 1);

  private JpegPixels() {}

  /**
   * Converts the components of an image.
   *
   * @param file the whole file, for its markers
   * @param raster its components without colour conversion, {@code [height, width, 1 | 3 | 4]}
   */
  static RgbImage toRgb(byte[] file, Raster raster) throws IIOException {
    int width = raster.getWidth();
    int height = raster.getHeight();
    int bands = raster.getNumBands();
    if (bands != 1 && bands != 3 && bands != 4) {
      throw new IIOException("JPEG with " + bands + " components");
    }
    boolean luminance = bands > 1 && new Markers(file).isLuminance(bands);
    byte[] out = new byte[width * height * 3];
    int[] row = new int[width * bands];
    int o = 0;
    for (int y = 0; y < height; y++) {
      raster.getPixels(raster.getMinX(), raster.getMinY() + y, width, 1, row);
      for (int i = 0; i < row.length; i += bands, o += 3) {
        if (bands == 1) {
          out[o] = (byte) row[i];
          out[o + 1] = (byte) row[i];
          out[o + 2] = (byte) row[i];
          continue;
        }
        int r = row[i];
        int g = row[i + 1];
        int b = row[i + 2];
        if (luminance) {
          int cb = row[i + 1] - 128;
          int cr = row[i + 2] - 128;
          int luma = row[i];
          r = clamp(luma + ((fix(1.40200) * cr + HALF) >> SCALE));
          g = clamp(luma + ((-fix(0.34414) * cb - fix(0.71414) * cr + HALF) >> SCALE));
          b = clamp(luma + ((fix(1.77200) * cb + HALF) >> SCALE));
        }
        if (bands == 4) {
          // YCCK converts to the complement of CMY. Inks are stored inverted, as Adobe does.
          int paper = row[i + 3];
          r = RasterPixels.ink(luminance ? r : 255 - r, paper);
          g = RasterPixels.ink(luminance ? g : 255 - g, paper);
          b = RasterPixels.ink(luminance ? b : 255 - b, paper);
        }
        out[o] = (byte) r;
        out[o + 1] = (byte) g;
        out[o + 2] = (byte) b;
      }
    }
    return new RgbImage(height, width, out);
  }

  private static int fix(double x) {
    return (int) (x * (1 << SCALE) + 0.5);
  }

  private static int clamp(int value) {
    return Math.max(0, Math.min(255, value));
  }

  /** What the segments before the first scan say about the components. */
  private static final class Markers {
    private static final int NO_ADOBE = -1;

    private boolean jfif;
    private int adobeTransform = NO_ADOBE;
    private int[] ids = {};

    Markers(byte[] file) {
      JpegSegments.visit(
          file,
          (marker, body, end) -> {
            if (marker == 0xE0 && starts(file, body, end, "JFIF\0")) {
              jfif = true;
            } else if (marker == 0xEE && end - body >= 12 && starts(file, body, end, "Adobe")) {
              adobeTransform = file[body + 11] & 255;
            } else if (isFrame(marker) && end - body >= 6) {
              ids = new int[Math.min(file[body + 5] & 255, (end - body - 6) / 3)];
              for (int i = 0; i < ids.length; i++) {
                ids[i] = file[body + 6 + 3 * i] & 255;
              }
            }
          });
    }

    /** Whether the first three components are luminance and chrominance. */
    boolean isLuminance(int components) {
      if (components == 4) {
        return adobeTransform != NO_ADOBE && adobeTransform != 0;
      }
      if (jfif) {
        return true;
      }
      if (adobeTransform != NO_ADOBE) {
        return adobeTransform != 0;
      }
      return !(ids.length == 3 && ids[0] == 'R' && ids[1] == 'G' && ids[2] == 'B');
    }

    /** Start of frame: C0 to CF, except the table markers C4, C8 and CC. */
    private static boolean isFrame(int marker) {
      return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
    }

    private static boolean starts(byte[] file, int from, int end, String text) {
      return end - from >= text.length()
          && new String(file, from, text.length(), StandardCharsets.ISO_8859_1).equals(text);
    }
  }
}
