package io.glmimage.image;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.Deflater;

/**
 * Writes images as 8-bit RGB PNG files. The same image and texts give the same bytes: times and
 * program names are not written. Format: W3C PNG, third edition.
 */
public final class ImageEncoder {
  private static final byte[] SIGNATURE = {(byte) 137, 'P', 'N', 'G', 13, 10, 26, 10};

  /** Takes half the time of zlib's default level 6, and files are a few percent larger. */
  private static final int COMPRESSION_LEVEL = 4;

  private ImageEncoder() {}

  /** Encodes an image without texts. */
  public static byte[] png(RgbImage image) {
    return png(image, Map.of());
  }

  /**
   * Encodes an image.
   *
   * @param texts keyword to text, written in the map's order before the pixels: as tEXt if the text
   *     is Latin-1, else as iTXt. Keywords have 1 to 79 printable Latin-1 characters, without
   *     leading, trailing or consecutive blanks.
   * @throws IllegalArgumentException for a keyword that PNG does not allow
   */
  public static byte[] png(RgbImage image, Map<String, String> texts) {
    return png(image, texts, new byte[0]);
  }

  /**
   * Encodes an image.
   *
   * @param texts as above
   * @param exif starts with a TIFF header; empty for none
   */
  public static byte[] png(RgbImage image, Map<String, String> texts, byte[] exif) {
    ByteArrayOutputStream out = new ByteArrayOutputStream(image.pixels().length / 2 + 1024);
    out.writeBytes(SIGNATURE);
    ByteBuffer header = ByteBuffer.allocate(13);
    // 8 bits, colour type 2 (RGB), deflate, adaptive filters, not interlaced
    header.putInt(image.width()).putInt(image.height()).put(new byte[] {8, 2, 0, 0, 0});
    chunk(out, "IHDR", header.array(), header.capacity());
    if (exif.length > 0) {
      chunk(out, "eXIf", exif, exif.length);
    }
    texts.forEach((keyword, text) -> text(out, keyword, text));
    pixels(out, image);
    chunk(out, "IEND", new byte[0], 0);
    return out.toByteArray();
  }

  private static void text(ByteArrayOutputStream out, String keyword, String text) {
    checkKeyword(keyword);
    // A tEXt chunk cannot hold control characters other than line feeds.
    boolean latin = text.chars().allMatch(c -> c == '\n' || (c >= 32 && c < 127) || isHighLatin(c));
    ByteArrayOutputStream data = new ByteArrayOutputStream();
    data.writeBytes(keyword.getBytes(StandardCharsets.ISO_8859_1));
    data.write(0);
    if (latin) {
      data.writeBytes(text.getBytes(StandardCharsets.ISO_8859_1));
    } else {
      // not compressed, method 0, no language, no translated keyword
      data.writeBytes(new byte[] {0, 0, 0, 0});
      data.writeBytes(text.replace("\0", "").getBytes(StandardCharsets.UTF_8));
    }
    chunk(out, latin ? "tEXt" : "iTXt", data.toByteArray(), data.size());
  }

  private static boolean isHighLatin(int c) {
    return c >= 161 && c <= 255;
  }

  private static void checkKeyword(String keyword) {
    boolean printable = keyword.chars().allMatch(c -> (c >= 32 && c < 127) || isHighLatin(c));
    if (!printable
        || keyword.isEmpty()
        || keyword.length() > 79
        || !keyword.equals(keyword.strip())
        || keyword.contains("  ")) {
      throw new IllegalArgumentException(
          "Invalid PNG text keyword: \""
              + keyword
              + "\", expected 1 to 79 Latin-1 characters without leading, trailing or consecutive"
              + " blanks");
    }
  }

  private static void pixels(ByteArrayOutputStream out, RgbImage image) {
    int stride = image.width() * 3;
    Deflater deflater = new Deflater(COMPRESSION_LEVEL);
    try {
      deflater.setStrategy(Deflater.FILTERED);
      byte[] buffer = new byte[1 << 16];
      byte[][] candidates = new byte[Filters.COUNT][stride + 1];
      for (int y = 0; y < image.height(); y++) {
        deflater.setInput(Filters.best(image.pixels(), y, stride, candidates));
        while (!deflater.needsInput()) {
          int n = deflater.deflate(buffer);
          if (n > 0) {
            chunk(out, "IDAT", buffer, n);
          }
        }
      }
      deflater.finish();
      while (!deflater.finished()) {
        chunk(out, "IDAT", buffer, deflater.deflate(buffer));
      }
    } finally {
      deflater.end();
    }
  }

  private static void chunk(ByteArrayOutputStream out, String type, byte[] data, int length) {
    byte[] name = type.getBytes(StandardCharsets.US_ASCII);
    CRC32 crc = new CRC32();
    crc.update(name);
    crc.update(data, 0, length);
    out.writeBytes(ByteBuffer.allocate(4).putInt(length).array());
    out.writeBytes(name);
    out.write(data, 0, length);
    out.writeBytes(ByteBuffer.allocate(4).putInt((int) crc.getValue()).array());
  }

  /** The row filters. The filter with the smallest sum of absolute differences is used. */
  private static final class Filters {
    static final int COUNT = 5;
    private static final int PIXEL = 3;

    private Filters() {}

    /** The filtered row after its filter type; valid until the next call. */
    static byte[] best(byte[] pixels, int y, int stride, byte[][] rows) {
      int start = y * stride;
      long[] sums = new long[COUNT];
      for (int f = 0; f < COUNT; f++) {
        rows[f][0] = (byte) f;
      }
      for (int i = 0; i < stride; i++) {
        int value = pixels[start + i] & 255;
        int left = i >= PIXEL ? pixels[start + i - PIXEL] & 255 : 0;
        int up = y > 0 ? pixels[start + i - stride] & 255 : 0;
        int corner = y > 0 && i >= PIXEL ? pixels[start + i - stride - PIXEL] & 255 : 0;
        sums[0] += put(rows[0], i, value);
        sums[1] += put(rows[1], i, value - left);
        sums[2] += put(rows[2], i, value - up);
        sums[3] += put(rows[3], i, value - ((left + up) >> 1));
        sums[4] += put(rows[4], i, value - paeth(left, up, corner));
      }
      int best = 0;
      for (int f = 1; f < COUNT; f++) {
        best = sums[f] < sums[best] ? f : best;
      }
      return rows[best];
    }

    private static int put(byte[] row, int i, int difference) {
      byte value = (byte) difference;
      row[i + 1] = value;
      return Math.abs(value);
    }

    private static int paeth(int left, int up, int corner) {
      int estimate = left + up - corner;
      int a = Math.abs(estimate - left);
      int b = Math.abs(estimate - up);
      int c = Math.abs(estimate - corner);
      if (a <= b && a <= c) {
        return left;
      }
      return b <= c ? up : corner;
    }
  }
}
