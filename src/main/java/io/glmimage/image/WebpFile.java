package io.glmimage.image;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import javax.imageio.IIOException;

/**
 * The chunks of a WebP file that hold its pixels: the canvas and the first frame. Format: RFC 9649.
 *
 * @param width of the canvas in pixels
 * @param height of the canvas in pixels
 * @param frame the first frame
 */
record WebpFile(int width, int height, Frame frame) {
  private static final int FILE_HEADER = 12;
  private static final int CHUNK_HEADER = 8;

  /** Bits of the first byte of a VP8X chunk. */
  private static final int HAS_ALPHA = 0x10;

  private static final int IS_ANIMATED = 2;

  /**
   * One compressed frame: the content of a "VP8 " (lossy) or "VP8L" (lossless) chunk. Sizes and
   * positions are in pixels.
   *
   * @param left position on the canvas
   * @param top position on the canvas
   * @param start of the chunk, its header included
   * @param end of the chunk's content; may be behind the end of a truncated file
   * @param alpha start of the chunk of the alpha plane, its header included; 0 if there is none
   */
  record Frame(int width, int height, int left, int top, int start, long end, int alpha) {}

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
    int alpha = 0;
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
        case "ALPH" -> alpha = p;
        case "VP8 ", "VP8L" -> {
          PixelSize own = kind.equals("VP8 ") ? lossySize(file, body) : losslessSize(file, body);
          Frame frame = new Frame(own.width(), own.height(), left, top, p, body + size, alpha);
          return new WebpFile(
              Math.max(width, left + own.width()), Math.max(height, top + own.height()), frame);
        }
        default -> {
          // Metadata and colour profile: not needed.
        }
      }
      p = Math.toIntExact(Math.min(file.length, body + size + (size & 1)));
    }
    throw new IIOException("no frame");
  }

  /**
   * The size of the canvas, with a first frame that reaches beyond it. The first 30 bytes of a file
   * are enough for the canvas.
   *
   * @param file from its start
   * @throws IIOException if the file ends before its size
   */
  static PixelSize size(byte[] file) throws IIOException {
    try {
      WebpFile first = of(file);
      return new PixelSize(first.height, first.width);
    } catch (IIOException e) {
      if (!isExtended(file)) {
        throw e;
      }
      // The first frame begins after the part that was read, or there is none.
      require(file, FILE_HEADER + CHUNK_HEADER + 10);
      int body = FILE_HEADER + CHUNK_HEADER;
      return new PixelSize(
          1 + (int) little(file, body + 7, 3), 1 + (int) little(file, body + 4, 3));
    }
  }

  /**
   * The first frame as a still image file without metadata.
   *
   * @param withAlpha whether the alpha plane of a lossy frame is kept
   * @throws IIOException if the file ends before the frame does
   */
  byte[] still(byte[] file, boolean withAlpha) throws IIOException {
    boolean plane = withAlpha && frame.alpha > 0;
    long end = plane ? frame.alpha + CHUNK_HEADER + little(file, frame.alpha + 4, 4) : 0;
    require(file, Math.max(end, frame.end));
    int length = (int) frame.end - frame.start + (plane ? (int) end - frame.alpha : 0);
    ByteBuffer still =
        ByteBuffer.allocate(length + FILE_HEADER + 2 * CHUNK_HEADER + 16)
            .order(ByteOrder.LITTLE_ENDIAN);
    still.put(file, 0, FILE_HEADER);
    if (plane) {
      still.put(new byte[] {'V', 'P', '8', 'X'}).putInt(10).putInt(HAS_ALPHA);
      put24(still, frame.width - 1);
      put24(still, frame.height - 1);
      chunk(still, file, frame.alpha, (int) end);
    }
    chunk(still, file, frame.start, (int) frame.end);
    still.putInt(4, still.position() - CHUNK_HEADER);
    return Arrays.copyOf(still.array(), still.position());
  }

  private static void chunk(ByteBuffer still, byte[] file, int start, int end) {
    still.put(file, start, end - start);
    if ((end - start & 1) != 0) {
      still.put((byte) 0);
    }
  }

  private static void put24(ByteBuffer still, int value) {
    still.put((byte) value).put((byte) (value >> 8)).put((byte) (value >> 16));
  }

  /** Whether the first frame has transparent pixels, as far as its headers tell. */
  boolean hasAlpha(byte[] file) {
    return frame.alpha > 0 || coversPart() || (isLossless(file) && alphaBit(file));
  }

  /** Whether the first frame leaves some of the canvas free. */
  boolean coversPart() {
    return frame.width < width || frame.height < height;
  }

  private boolean isLossless(byte[] file) {
    return kind(file, frame.start).equals("VP8L");
  }

  private boolean alphaBit(byte[] file) {
    return (file[frame.start + CHUNK_HEADER + 4] & 0x10) != 0;
  }

  /** Whether the header of a file says that it is an animation. */
  static boolean isAnimated(byte[] file) {
    return isExtended(file)
        && file.length > FILE_HEADER + CHUNK_HEADER
        && (file[FILE_HEADER + CHUNK_HEADER] & IS_ANIMATED) != 0;
  }

  /**
   * Whether the header of a file says that it has alpha. The first frame may lie behind the part
   * that is there.
   */
  static boolean claimsAlpha(byte[] file) {
    return isExtended(file)
        && file.length > FILE_HEADER + CHUNK_HEADER
        && (file[FILE_HEADER + CHUNK_HEADER] & HAS_ALPHA) != 0;
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
