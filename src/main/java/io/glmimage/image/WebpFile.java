package io.glmimage.image;

import java.nio.charset.StandardCharsets;
import javax.imageio.IIOException;

/**
 * The chunks of a WebP file that matter here: the canvas and the first frame. Format: RFC 9649.
 *
 * @param width of the canvas in pixels
 * @param height of the canvas in pixels
 * @param frame the first frame
 */
record WebpFile(int width, int height, Frame frame) {
  private static final int FILE_HEADER = 12;
  private static final int CHUNK_HEADER = 8;

  /**
   * One compressed frame: the content of a "VP8 " (lossy) or "VP8L" (lossless) chunk. Sizes and
   * positions are in pixels.
   *
   * @param left position on the canvas
   * @param top position on the canvas
   * @param start of the chunk, its header included
   * @param end of the chunk's content; may be behind the end of a truncated file
   */
  record Frame(int width, int height, int left, int top, int start, long end) {}

  /**
   * Finds the first frame. Only the chunk headers up to that frame are read.
   *
   * @throws IIOException if the file has no frame or ends before its header
   */
  static WebpFile of(byte[] file) throws IIOException {
    int width = 0;
    int height = 0;
    int left = 0;
    int top = 0;
    int p = FILE_HEADER;
    while (p + CHUNK_HEADER <= file.length) {
      String kind = kind(file, p);
      long size = little(file, p + 4, 4);
      int body = p + CHUNK_HEADER;
      switch (kind) {
        case "VP8X" -> {
          require(file, body + 10);
          width = 1 + (int) little(file, body + 4, 3);
          height = 1 + (int) little(file, body + 7, 3);
        }
        case "ANMF" -> {
          require(file, body + 16);
          left = 2 * (int) little(file, body, 3);
          top = 2 * (int) little(file, body + 3, 3);
          // The chunks of the frame follow this header.
          size = 16;
        }
        case "VP8 ", "VP8L" -> {
          PixelSize own = kind.equals("VP8 ") ? lossySize(file, body) : losslessSize(file, body);
          Frame frame = new Frame(own.width(), own.height(), left, top, p, body + size);
          return new WebpFile(
              Math.max(width, left + own.width()), Math.max(height, top + own.height()), frame);
        }
        default -> {
          // Metadata, colour profile, alpha plane: not needed.
        }
      }
      p = Math.toIntExact(Math.min(file.length, body + size + (size & 1)));
    }
    throw new IIOException("no frame");
  }

  /**
   * The size of the canvas, for which the first 30 bytes of a file are enough.
   *
   * @throws IIOException if the file ends before its size
   */
  static PixelSize canvas(byte[] file) throws IIOException {
    if (isExtended(file)) {
      require(file, FILE_HEADER + CHUNK_HEADER + 10);
      int body = FILE_HEADER + CHUNK_HEADER;
      return new PixelSize(
          1 + (int) little(file, body + 7, 3), 1 + (int) little(file, body + 4, 3));
    }
    WebpFile still = of(file);
    return new PixelSize(still.height, still.width);
  }

  /**
   * The first frame as a still image file, without alpha plane and metadata.
   *
   * @throws IIOException if the file ends before the frame does
   */
  byte[] still(byte[] file) throws IIOException {
    require(file, frame.end);
    int chunk = (int) frame.end - frame.start;
    int padded = chunk + (chunk & 1);
    byte[] still = new byte[FILE_HEADER + padded];
    System.arraycopy(file, 0, still, 0, FILE_HEADER);
    for (int i = 0, size = padded + 4; i < 4; i++) {
      still[4 + i] = (byte) (size >> (8 * i));
    }
    System.arraycopy(file, frame.start, still, FILE_HEADER, chunk);
    return still;
  }

  /** A VP8 key frame: 3 bytes of frame tag, 3 of start code, width and height in 14 bits each. */
  private static PixelSize lossySize(byte[] file, int body) throws IIOException {
    require(file, body + 10);
    if (little(file, body + 3, 3) != 0x2A019D) {
      throw new IIOException("the lossy frame has no start code");
    }
    return size(little(file, body + 8, 2) & 0x3FFF, little(file, body + 6, 2) & 0x3FFF);
  }

  /** A VP8L image: 1 byte of signature, then width - 1 and height - 1 in 14 bits each. */
  private static PixelSize losslessSize(byte[] file, int body) throws IIOException {
    require(file, body + 5);
    if (file[body] != 0x2F) {
      throw new IIOException("the lossless frame has no signature");
    }
    long bits = little(file, body + 1, 4);
    return size((bits >> 14 & 0x3FFF) + 1, (bits & 0x3FFF) + 1);
  }

  private static PixelSize size(long height, long width) throws IIOException {
    if (height == 0 || width == 0) {
      throw new IIOException("the frame has " + width + " x " + height + " pixels");
    }
    return new PixelSize((int) height, (int) width);
  }

  private static boolean isExtended(byte[] file) {
    return file.length >= FILE_HEADER + CHUNK_HEADER && kind(file, FILE_HEADER).equals("VP8X");
  }

  private static String kind(byte[] file, int chunk) {
    return new String(file, chunk, 4, StandardCharsets.ISO_8859_1);
  }

  private static void require(byte[] file, long end) throws IIOException {
    if (end > file.length) {
      throw new IIOException(
          "it ends after " + file.length + " bytes, at least " + end + " are needed");
    }
  }

  private static long little(byte[] file, int at, int bytes) {
    long value = 0;
    for (int i = bytes - 1; i >= 0; i--) {
      value = value << 8 | (file[at + i] & 255);
    }
    return value;
  }
}
