package io.glmimage.image;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How the stored rows and columns map to the upright image. The orientation is an EXIF value; files
 * without EXIF orientation may have the same value as {@code tiff:Orientation} in XMP. Pillow's
 * {@code exif_transpose} follows the same order.
 *
 * @param value 1 to 8, as in the EXIF 2.32 standard, 4.6.4 A; 1 is upright
 */
record Orientation(int value) {
  private static final int TAG_ORIENTATION = 0x112;
  private static final int TAG_XMP = 0x2BC;

  private static final Orientation UPRIGHT = new Orientation(1);

  /** Pillow searches the packet in the same way, without an XML parser. */
  private static final Pattern XMP = Pattern.compile("tiff:Orientation(?:=\"|>)([0-9])");

  /** The orientation of a file. Unreadable metadata count as upright. */
  static Orientation of(byte[] file, ImageFormat format) {
    return of(MetadataBlocks.of(file, format), format);
  }

  /** The orientation of a file with these blocks. */
  static Orientation of(MetadataBlocks blocks, ImageFormat format) {
    TiffTags tags = TiffTags.of(blocks.exif());
    TiffTags.Entry entry = tags.entries().get(TAG_ORIENTATION);
    if (entry != null && entry.count() > 0) {
      return of(number(tags, entry));
    }
    byte[] xmp = format == ImageFormat.TIFF ? tags.value(TAG_XMP) : blocks.xmp();
    Matcher found = XMP.matcher(new String(xmp, StandardCharsets.ISO_8859_1));
    return found.find() ? of(Integer.parseInt(found.group(1))) : UPRIGHT;
  }

  private static Orientation of(double value) {
    int whole = (int) value;
    return whole == value && whole >= 1 && whole <= 8 ? new Orientation(whole) : UPRIGHT;
  }

  /**
   * The first value of a tag. The standard asks for a SHORT. Pillow also takes other numbers, but
   * not BYTE, ASCII and UNDEFINED, which it reads as bytes or text: these count as upright.
   */
  private static double number(TiffTags tags, TiffTags.Entry entry) {
    ByteBuffer bytes = ByteBuffer.wrap(tags.block()).order(tags.order());
    int at = entry.at();
    return switch (entry.type()) {
      case TiffTags.SHORT, 8 -> bytes.getShort(at);
      case TiffTags.LONG, 9, 13 -> bytes.getInt(at);
      case 5, 10 -> (double) bytes.getInt(at) / bytes.getInt(at + 4);
      case 6 -> bytes.get(at);
      case 11 -> bytes.getFloat(at);
      case 12 -> bytes.getDouble(at);
      case 16, 17, 18 -> bytes.getLong(at);
      default -> UPRIGHT.value;
    };
  }

  /** Whether height and width change places. */
  boolean isTurned() {
    return value >= 5;
  }

  /** The upright image. */
  RgbImage apply(RgbImage stored) {
    if (value == 1) {
      return stored;
    }
    int h = stored.height();
    int w = stored.width();
    int height = isTurned() ? w : h;
    int width = isTurned() ? h : w;
    byte[] in = stored.pixels();
    byte[] out = new byte[in.length];
    int o = 0;
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++, o += 3) {
        int row =
            switch (value) {
              case 2 -> y;
              case 3, 4 -> h - 1 - y;
              case 5, 8 -> x;
              default -> h - 1 - x;
            };
        int column =
            switch (value) {
              case 2, 3 -> w - 1 - x;
              case 4 -> x;
              case 5, 6 -> y;
              default -> w - 1 - y;
            };
        int p = (row * w + column) * 3;
        out[o] = in[p];
        out[o + 1] = in[p + 1];
        out[o + 2] = in[p + 2];
      }
    }
    return new RgbImage(height, width, out);
  }
}
