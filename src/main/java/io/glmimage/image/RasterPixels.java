package io.glmimage.image;

import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.DataBuffer;
import java.awt.image.DirectColorModel;
import java.awt.image.IndexColorModel;
import java.awt.image.Raster;
import java.util.Arrays;
import javax.imageio.IIOException;

/**
 * The samples of images that ImageIO has decoded. ImageIO's own colour management would change grey
 * and profiled values.
 */
final class RasterPixels {
  private RasterPixels() {}

  static Samples of(BufferedImage image) throws IIOException {
    Raster raster = image.getRaster();
    ColorModel colors = image.getColorModel();
    if (colors instanceof IndexColorModel palette) {
      return fromPalette(raster, palette);
    }
    if (colors instanceof DirectColorModel packed) {
      return fromPacked(raster, packed);
    }
    int highest =
        switch (raster.getTransferType()) {
          case DataBuffer.TYPE_BYTE -> Samples.BYTE;
          case DataBuffer.TYPE_USHORT -> Samples.SHORT;
          default ->
              throw new IIOException("samples of more than 16 bits, signed or floating point");
        };
    return switch (colors.getColorSpace().getType()) {
      case ColorSpace.TYPE_GRAY -> fromSamples(raster, colors, highest, Samples.Model.GREY);
      case ColorSpace.TYPE_RGB -> fromSamples(raster, colors, highest, Samples.Model.RGB);
      case ColorSpace.TYPE_CMYK -> fromSamples(raster, colors, highest, Samples.Model.CMYK);
      default ->
          throw new IIOException(
              "colour space with " + colors.getNumColorComponents() + " components");
    };
  }

  private static Samples fromPalette(Raster raster, IndexColorModel palette) {
    int[] table = new int[palette.getMapSize()];
    palette.getRGBs(table);
    boolean alpha = palette.hasAlpha();
    // Readers make palettes of grey files with few bits. Profiles tell grey from RGB.
    Samples.Model model =
        Arrays.stream(table).allMatch(RasterPixels::isGrey)
            ? Samples.Model.GREY
            : Samples.Model.RGB;
    int channels = model.channels();
    return samples(
        raster,
        1,
        model,
        alpha,
        Samples.BYTE,
        (from, i, to, o) -> {
          // An index past the end of the palette is black, as in Pillow.
          int argb = from[i] < table.length ? table[from[i]] : 0xff000000;
          for (int c = 0; c < channels; c++) {
            to[o + c] = argb >> (16 - 8 * c) & 255;
          }
          if (alpha) {
            to[o + channels] = argb >>> 24;
          }
        });
  }

  private static boolean isGrey(int rgb) {
    return (rgb >> 16 & 255) == (rgb & 255) && (rgb >> 8 & 255) == (rgb & 255);
  }

  /**
   * Scales samples of any number of bits to 8.
   *
   * @throws IIOException if a colour has no bits, which BMP files can declare
   */
  private static Samples fromPacked(Raster raster, DirectColorModel packed) throws IIOException {
    int bands = raster.getNumBands();
    boolean alpha = packed.hasAlpha() && bands == 4;
    int channels = alpha ? 4 : 3;
    long[] highest = new long[channels];
    for (int c = 0; c < channels; c++) {
      int bits = packed.getComponentSize(c);
      if (bits == 0) {
        throw new IIOException("the bit mask of channel " + c + " is empty");
      }
      highest[c] = (1L << bits) - 1;
    }
    return samples(
        raster,
        bands,
        Samples.Model.RGB,
        alpha,
        Samples.BYTE,
        (from, i, to, o) -> {
          for (int c = 0; c < channels; c++) {
            to[o + c] = (int) ((from[i + c] & highest[c]) * 255 / highest[c]);
          }
        });
  }

  private static Samples fromSamples(
      Raster raster, ColorModel colors, int highest, Samples.Model model) throws IIOException {
    int bands = raster.getNumBands();
    int channels = model.channels();
    if (bands < channels) {
      throw new IIOException(bands + " samples a pixel, expected " + channels);
    }
    boolean alpha = colors.hasAlpha() && bands > channels;
    boolean premultiplied = alpha && colors.isAlphaPremultiplied();
    return samples(
        raster,
        bands,
        model,
        alpha,
        highest,
        (from, i, to, o) -> {
          System.arraycopy(from, i, to, o, alpha ? channels + 1 : channels);
          if (premultiplied) {
            divide(to, o, channels, highest);
          }
        });
  }

  /** Divides colours by alpha, in 8 bits as Pillow does. A pixel without alpha becomes 0. */
  private static void divide(int[] pixel, int start, int channels, int highest) {
    int scale = highest / Samples.BYTE;
    int shift = highest == Samples.BYTE ? 0 : 8;
    int alpha = pixel[start + channels] >> shift;
    for (int c = start; c < start + channels; c++) {
      pixel[c] = alpha == 0 ? 0 : Math.min(255, (pixel[c] >> shift) * 255 / alpha) * scale;
    }
  }

  /** Converts one pixel. */
  private interface Pixel {
    void convert(int[] from, int i, int[] to, int o);
  }

  private static Samples samples(
      Raster raster, int bands, Samples.Model model, boolean alpha, int highest, Pixel pixel) {
    int width = raster.getWidth();
    int stride = model.channels() + (alpha ? 1 : 0);
    int[] stored = new int[width * bands];
    return new Samples(
        raster.getHeight(),
        width,
        model,
        alpha,
        highest,
        (y, row) -> {
          raster.getPixels(raster.getMinX(), raster.getMinY() + y, width, 1, stored);
          for (int i = 0, o = 0; i < stored.length; i += bands, o += stride) {
            pixel.convert(stored, i, row, o);
          }
        });
  }
}
