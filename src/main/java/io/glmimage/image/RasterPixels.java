package io.glmimage.image;

import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.DataBuffer;
import java.awt.image.DirectColorModel;
import java.awt.image.IndexColorModel;
import java.awt.image.Raster;
import javax.imageio.IIOException;

/**
 * Converts decoded samples to RGB as Pillow's {@code convert("RGB")} does. ImageIO's own colour
 * management would change grey and profiled values.
 */
final class RasterPixels {
  private RasterPixels() {}

  static RgbImage toRgb(BufferedImage image) throws IIOException {
    Raster raster = image.getRaster();
    ColorModel colors = image.getColorModel();
    if (colors instanceof IndexColorModel palette) {
      return fromPalette(raster, palette);
    }
    if (colors instanceof DirectColorModel packed) {
      return fromPacked(raster, packed);
    }
    int shift =
        switch (raster.getTransferType()) {
          case DataBuffer.TYPE_BYTE -> 0;
          case DataBuffer.TYPE_USHORT -> 8;
          default ->
              throw new IIOException("samples of more than 16 bits, signed or floating point");
        };
    return switch (colors.getColorSpace().getType()) {
      case ColorSpace.TYPE_GRAY -> fromSamples(raster, colors, shift, 1);
      case ColorSpace.TYPE_RGB -> fromSamples(raster, colors, shift, 3);
      case ColorSpace.TYPE_CMYK -> fromSamples(raster, colors, shift, 4);
      default ->
          throw new IIOException(
              "colour space with " + colors.getNumColorComponents() + " components");
    };
  }

  /** One channel of a CMYK colour: Pillow's {@code 255 - k - ink * (255 - k) / 255}, rounded. */
  static int ink(int ink, int paper) {
    int product = ink * paper + 128;
    return Math.max(0, paper - (((product >> 8) + product) >> 8));
  }

  private static RgbImage fromPalette(Raster raster, IndexColorModel palette) {
    int[] table = new int[palette.getMapSize()];
    palette.getRGBs(table);
    return each(
        raster,
        1,
        (samples, i, out, o) -> {
          // An index past the end of the palette is black, as in Pillow.
          int rgb = samples[i] < table.length ? table[samples[i]] : 0;
          out[o] = (byte) (rgb >> 16);
          out[o + 1] = (byte) (rgb >> 8);
          out[o + 2] = (byte) rgb;
        });
  }

  private static RgbImage fromPacked(Raster raster, DirectColorModel packed) {
    int[] sizes = packed.getComponentSize();
    int bands = raster.getNumBands();
    return each(
        raster,
        bands,
        (samples, i, out, o) -> {
          for (int c = 0; c < 3; c++) {
            out[o + c] = (byte) (samples[i + c] * 255 / ((1 << sizes[c]) - 1));
          }
        });
  }

  /**
   * @param colors 1 for grey, 3 for RGB, 4 for CMYK; further bands are alpha
   */
  private static RgbImage fromSamples(Raster raster, ColorModel model, int shift, int colors)
      throws IIOException {
    int bands = raster.getNumBands();
    if (bands < colors) {
      throw new IIOException(bands + " samples a pixel, expected " + colors);
    }
    boolean premultiplied = model.hasAlpha() && model.isAlphaPremultiplied() && bands > colors;
    return each(
        raster,
        bands,
        (samples, i, out, o) -> {
          for (int c = 0; c < 3; c++) {
            int value = samples[i + (colors == 1 ? 0 : c)] >> shift;
            if (colors == 4) {
              value = ink(value, 255 - (samples[i + 3] >> shift));
            }
            if (premultiplied) {
              int alpha = samples[i + colors] >> shift;
              value = alpha == 0 ? value : Math.min(255, value * 255 / alpha);
            }
            out[o + c] = (byte) value;
          }
        });
  }

  private interface Pixel {
    void convert(int[] samples, int i, byte[] out, int o);
  }

  private static RgbImage each(Raster raster, int bands, Pixel pixel) {
    int width = raster.getWidth();
    int height = raster.getHeight();
    byte[] out = new byte[width * height * 3];
    int[] row = new int[width * bands];
    int o = 0;
    for (int y = 0; y < height; y++) {
      raster.getPixels(raster.getMinX(), raster.getMinY() + y, width, 1, row);
      for (int i = 0; i < row.length; i += bands, o += 3) {
        pixel.convert(row, i, out, o);
      }
    }
    return new RgbImage(height, width, out);
  }
}
