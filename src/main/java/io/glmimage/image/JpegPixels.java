package io.glmimage.image;

import java.awt.image.Raster;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import javax.imageio.IIOException;

/**
 * Converts the components of a JPEG file, as libjpeg decodes and upsamples them, to grey, RGB or
 * CMYK. The meaning of the components and the integer arithmetic are libjpeg's, so that ImageIO's
 * colour management has no influence. Source: jdapimin.c (default_decompress_parms) and jdcolor.c
 * of libjpeg 6b.
 */
final class JpegPixels {
  private static final int SCALE = 16;
  private static final int HALF = 1 << (SCALE - 1);

  private JpegPixels() {}

  /**
   * The components of an image as grey, RGB or CMYK.
   *
   * @param file the whole file, for its markers
   * @param raster its components without colour conversion, {@code [height, width, 1 | 3 | 4]}
   */
  static Samples of(byte[] file, Raster raster) throws IIOException {
    int width = raster.getWidth();
    int bands = raster.getNumBands();
    Samples.Model model =
        switch (bands) {
          case 1 -> Samples.Model.GREY;
          case 3 -> Samples.Model.RGB;
          case 4 -> Samples.Model.CMYK;
          default -> throw new IIOException("JPEG with " + bands + " components");
        };
    boolean luminance = bands > 1 && new Markers(file).isLuminance(bands);
    return new Samples(
        raster.getHeight(),
        width,
        model,
        /* alpha= */ false,
        Samples.BYTE,
        (y, row) -> {
          raster.getPixels(raster.getMinX(), raster.getMinY() + y, width, 1, row);
          for (int i = 0; bands > 1 && i < row.length; i += bands) {
            if (luminance) {
              toRgb(row, i);
            }
            if (bands == 4) {
              // YCCK converts to the complement of CMY. Inks are stored inverted, as Adobe does.
              for (int c = luminance ? 3 : 0; c < 4; c++) {
                row[i + c] = 255 - row[i + c];
              }
            }
          }
        });
  }

  /** What the components are; empty if the headers do not tell. */
  static Optional<Samples.Model> model(byte[] file) {
    return switch (new Markers(file).ids.length) {
      case 1 -> Optional.of(Samples.Model.GREY);
      case 3 -> Optional.of(Samples.Model.RGB);
      case 4 -> Optional.of(Samples.Model.CMYK);
      default -> Optional.empty();
    };
  }

  private static void toRgb(int[] row, int i) {
    int luma = row[i];
    int cb = row[i + 1] - 128;
    int cr = row[i + 2] - 128;
    row[i] = clamp(luma + ((fix(1.40200) * cr + HALF) >> SCALE));
    row[i + 1] = clamp(luma + ((-fix(0.34414) * cb - fix(0.71414) * cr + HALF) >> SCALE));
    row[i + 2] = clamp(luma + ((fix(1.77200) * cb + HALF) >> SCALE));
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
