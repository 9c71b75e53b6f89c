package io.glmimage.image;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;
import javax.imageio.IIOException;

/** The chunks of a PNG file. Format: W3C PNG, third edition. */
final class PngChunks {
  private static final int BUFFER = 1 << 16;
  private static final Pattern NAME = Pattern.compile("[A-Za-z]{4}");

  /** Takes a chunk. Its content starts at {@code body} and ends before {@code end}. */
  @FunctionalInterface
  interface Visitor {
    void visit(String kind, int body, int end);
  }

  private PngChunks() {}

  /** Visits all whole chunks in their order. */
  static void visit(byte[] file, Visitor visitor) {
    int p = 8;
    while (file.length - p >= 8) {
      long length = big(file, p);
      int body = p + 8;
      if (length > file.length - body) {
        return;
      }
      int end = body + (int) length;
      visitor.visit(new String(file, p + 4, 4, StandardCharsets.ISO_8859_1), body, end);
      if (file.length - end < 4) {
        return;
      }
      p = end + 4;
    }
  }

  /**
   * Compares the chunks in front of the pixels with their checksums, also those without which the
   * image can be read. Pillow does the same, and checks no chunk behind the pixels.
   *
   * @param file from its start; a chunk that is not all there is not checked
   * @throws IIOException naming the first damaged chunk
   */
  static void checkHead(byte[] file) throws IIOException {
    boolean[] pixels = {false};
    String[] damaged = {null};
    visit(
        file,
        (kind, body, end) -> {
          // Zeros are no chunk: the rest of the file is missing, of which its reader complains.
          pixels[0] |= Set.of("IDAT", "fdAT", "\0\0\0\0").contains(kind);
          if (!pixels[0] && damaged[0] == null && !isIntact(file, body, end)) {
            damaged[0] = NAME.matcher(kind).matches() ? kind + " chunk" : "chunk at byte " + body;
          }
        });
    if (damaged[0] != null) {
      throw new IIOException("the checksum of its " + damaged[0] + " is wrong");
    }
  }

  /**
   * Compares the compressed pixels with their checksums. A chunk with a wrong checksum is no damage
   * if the checksum of the whole compressed stream is right or missing, as in Pillow. A reader may
   * stop at the last pixel, without looking at that checksum.
   *
   * @param file whose head is intact, with an image within the limits
   * @throws IIOException if pixels are damaged
   */
  static void checkPixels(byte[] file) throws IIOException {
    boolean[] intact = {true};
    visit(
        file,
        (kind, body, end) -> {
          if (kind.equals("IDAT")) {
            intact[0] &= isIntact(file, body, end);
          }
        });
    if (intact[0]) {
      return;
    }
    ByteArrayOutputStream stream = new ByteArrayOutputStream();
    visit(
        file,
        (kind, body, end) -> {
          if (kind.equals("IDAT")) {
            stream.write(file, body, end - body);
          }
        });
    Inflater inflater = new Inflater();
    try {
      inflater.setInput(stream.toByteArray());
      byte[] out = new byte[BUFFER];
      // Bytes behind the last row do not count.
      long left = mostBytes(file);
      while (left > 0 && !inflater.finished()) {
        int n = inflater.inflate(out, 0, (int) Math.min(out.length, left));
        if (n == 0 && (inflater.needsInput() || inflater.needsDictionary())) {
          return;
        }
        left -= n;
      }
    } catch (DataFormatException e) {
      throw new IIOException("the checksums of its IDAT chunks are wrong: " + e.getMessage());
    } finally {
      inflater.end();
    }
  }

  /** No image has more bytes of pixels and filters, with or without interlacing. */
  private static long mostBytes(byte[] file) {
    long width = big(file, 16);
    long height = big(file, 20);
    int samples =
        switch (file[25]) {
          case 2 -> 3;
          case 4 -> 2;
          case 6 -> 4;
          default -> 1;
        };
    // The seven passes have less than 2 * height + 7 rows, each with a filter and a part of a byte.
    return width * height * samples * file[24] / 8 + 2 * (2 * height + 7);
  }

  /** Whether a chunk has its checksum, as far as the file shows. */
  private static boolean isIntact(byte[] file, int body, int end) {
    if (file.length - end < 4) {
      return true;
    }
    CRC32 crc = new CRC32();
    crc.update(file, body - 4, end - body + 4);
    return crc.getValue() == big(file, end);
  }

  private static long big(byte[] file, int at) {
    return (file[at] & 255L) << 24
        | (file[at + 1] & 255) << 16
        | (file[at + 2] & 255) << 8
        | (file[at + 3] & 255);
  }
}
