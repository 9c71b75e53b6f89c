package io.glmimage.image;

import io.glmimage.error.InvalidRequestException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.PointerPointer;
import org.bytedeco.javacpp.SizeTPointer;
import org.bytedeco.leptonica.PIX;
import org.bytedeco.leptonica.global.leptonica;

/**
 * Writes images as lossy WebP files with libwebp. The same image, quality and texts give the same
 * bytes. Format: RFC 9649.
 */
public final class WebpEncoder {
  /** The longest side of a VP8 frame, in pixels. */
  private static final int LONGEST_SIDE = 16383;

  /** In bytes. WebP has no limit, but readers do not expect more than a few prompts. */
  private static final int LONGEST_PACKET = 1 << 20;

  private static final int FILE_HEADER = 12;
  private static final int CHUNK_HEADER = 8;

  /** Flags of a VP8X chunk: the file has an XMP chunk, or an EXIF chunk. */
  private static final int HAS_XMP = 4;

  private static final int HAS_EXIF = 8;

  private WebpEncoder() {}

  /**
   * Encodes an image.
   *
   * @param quality 1 to 100
   * @param texts written as an {@linkplain XmpPacket XMP packet}
   * @throws InvalidRequestException if a side is longer than the 16383 pixels of the format
   * @throws IllegalStateException if libwebp cannot be loaded
   */
  public static byte[] webp(RgbImage image, int quality, Map<String, String> texts) {
    return webp(image, quality, texts, new byte[0]);
  }

  /**
   * Encodes an image.
   *
   * @param quality 1 to 100
   * @param texts as above
   * @param exif starts with a TIFF header; empty for none
   */
  public static byte[] webp(RgbImage image, int quality, Map<String, String> texts, byte[] exif) {
    if (Math.max(image.width(), image.height()) > LONGEST_SIDE) {
      throw new InvalidRequestException(
          "Cannot encode an image of "
              + image.width()
              + " x "
              + image.height()
              + " pixels as WebP: a side can have at most "
              + LONGEST_SIDE
              + "; request a smaller size or another output format");
    }
    Leptonica.require("encode an image as WebP");
    byte[] file = encoded(image, quality);
    byte[] xmp = texts.isEmpty() ? new byte[0] : XmpPacket.of(texts, LONGEST_PACKET);
    return texts.isEmpty() && exif.length == 0 ? file : withMetadata(file, image, exif, xmp);
  }

  private static byte[] encoded(RgbImage image, int quality) {
    PIX pix = leptonica.pixCreateNoInit(image.width(), image.height(), 32);
    if (pix == null) {
      throw new OutOfMemoryError("Cannot encode an image as WebP: native memory is exhausted");
    }
    try (PointerPointer<BytePointer> data = new PointerPointer<>(1);
        SizeTPointer size = new SizeTPointer(1)) {
      data.put(0, (BytePointer) null);
      fill(leptonica.pixGetData(pix), image);
      int lossy = 0;
      int failed = leptonica.pixWriteMemWebP(data, size, pix, quality, lossy);
      BytePointer bytes = data.get(BytePointer.class, 0);
      try {
        if (failed != 0 || bytes == null) {
          throw new IllegalStateException(
              "Cannot encode an image of "
                  + image.width()
                  + " x "
                  + image.height()
                  + " pixels as WebP: libwebp failed");
        }
        byte[] file = new byte[Math.toIntExact(size.get())];
        bytes.get(file);
        return file;
      } finally {
        leptonica.lept_free(bytes);
      }
    } finally {
      leptonica.pixDestroy(pix);
    }
  }

  /** A pixel is a word: red in its highest byte, then green, blue and alpha. */
  private static void fill(IntPointer words, RgbImage image) {
    byte[] pixels = image.pixels();
    int[] row = new int[image.width()];
    for (int y = 0, i = 0; y < image.height(); y++) {
      for (int x = 0; x < row.length; x++, i += 3) {
        row[x] =
            (pixels[i] & 255) << 24
                | (pixels[i + 1] & 255) << 16
                | (pixels[i + 2] & 255) << 8
                | 255;
      }
      words.position((long) y * row.length).put(row);
    }
  }

  /** The file in the extended layout: VP8X, the unchanged frame, EXIF, XMP. */
  private static byte[] withMetadata(byte[] file, RgbImage image, byte[] exif, byte[] xmp) {
    int frame = file.length - FILE_HEADER;
    int length = FILE_HEADER + CHUNK_HEADER + 10 + frame + chunkLength(exif) + chunkLength(xmp);
    ByteBuffer out = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    out.put(fourCc("RIFF")).putInt(length - CHUNK_HEADER).put(fourCc("WEBP"));
    int flags = (exif.length > 0 ? HAS_EXIF : 0) | (xmp.length > 0 ? HAS_XMP : 0);
    out.put(fourCc("VP8X")).putInt(10).putInt(flags);
    put24(out, image.width() - 1);
    put24(out, image.height() - 1);
    out.put(file, FILE_HEADER, frame);
    chunk(out, "EXIF", exif);
    chunk(out, "XMP ", xmp);
    return out.array();
  }

  private static int chunkLength(byte[] content) {
    return content.length == 0 ? 0 : CHUNK_HEADER + even(content.length);
  }

  private static void chunk(ByteBuffer out, String name, byte[] content) {
    if (content.length > 0) {
      out.put(fourCc(name)).putInt(content.length).put(content);
      out.put(new byte[content.length & 1]);
    }
  }

  private static int even(int length) {
    return length + (length & 1);
  }

  private static byte[] fourCc(String name) {
    return name.getBytes(StandardCharsets.US_ASCII);
  }

  private static void put24(ByteBuffer out, int value) {
    out.put((byte) value).put((byte) (value >> 8)).put((byte) (value >> 16));
  }
}
