package io.glmimage.image;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32;
import java.util.zip.Deflater;

/** Parts of PNG files. Format: W3C PNG, third edition. */
final class PngParts {
  static final byte[] SIGNATURE = latin1("\u0089PNG\r\n\u001a\n");

  private PngParts() {}

  static byte[] latin1(String text) {
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }

  static byte[] concat(byte[]... parts) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      out.writeBytes(part);
    }
    return out.toByteArray();
  }

  /** A chunk with its checksum. */
  static byte[] chunk(String kind, byte[] content) {
    CRC32 crc = new CRC32();
    crc.update(latin1(kind));
    crc.update(content);
    return ByteBuffer.allocate(12 + content.length)
        .putInt(content.length)
        .put(latin1(kind))
        .put(content)
        .putInt((int) crc.getValue())
        .array();
  }

  /** The header chunk of an 8-bit grey image. */
  static byte[] header(int width, int height, boolean interlaced) {
    return chunk(
        "IHDR",
        ByteBuffer.allocate(13)
            .putInt(width)
            .putInt(height)
            .put(new byte[] {8, 0, 0, 0, (byte) (interlaced ? 1 : 0)})
            .array());
  }

  /**
   * Rows of pixels as IDAT chunks hold them.
   *
   * @param level of compression, 0 to 9
   */
  static byte[] deflated(byte[] rows, int level) {
    Deflater deflater = new Deflater(level);
    deflater.setInput(rows);
    deflater.finish();
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    byte[] buffer = new byte[1 << 16];
    while (!deflater.finished()) {
      out.write(buffer, 0, deflater.deflate(buffer));
    }
    deflater.end();
    return out.toByteArray();
  }
}
