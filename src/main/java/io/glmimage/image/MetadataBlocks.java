package io.glmimage.image;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/**
 * The EXIF and XMP blocks of a file, found by its segments or chunks and not interpreted. Other
 * metadata, such as colour profiles, is skipped. Compressed blocks are inflated up to a limit.
 *
 * <p>Pillow's places: APP1 segments of JPEG; {@code eXIf}, {@code iTXt} and ImageMagick's {@code
 * Raw profile type exif} of PNG; {@code EXIF} and {@code XMP} chunks of WebP. A TIFF file is itself
 * an EXIF block.
 *
 * @param exif starts with a TIFF header; empty if there is none
 * @param xmp the packet; empty if there is none
 */
record MetadataBlocks(byte[] exif, byte[] xmp) {
  /** The limit of Pillow for a text in a PNG file. */
  private static final int MAX_INFLATED = 1 << 20;

  private static final byte[] EMPTY = {};
  private static final byte[] EXIF_PREAMBLE = latin1("Exif\0\0");
  private static final byte[] XMP_PREAMBLE = latin1("http://ns.adobe.com/xap/1.0/\0");
  private static final byte[] PNG_XMP = latin1("XML:com.adobe.xmp\0");
  private static final byte[] PNG_EXIF = latin1("Raw profile type exif\0");

  static MetadataBlocks of(byte[] file, ImageFormat format) {
    return switch (format) {
      case PNG -> png(file);
      case JPEG -> jpeg(file);
      case WEBP -> webp(file);
      case TIFF -> new MetadataBlocks(file, EMPTY);
      case BMP, GIF -> new MetadataBlocks(EMPTY, EMPTY);
    };
  }

  private static MetadataBlocks png(byte[] file) {
    byte[] exif = EMPTY;
    byte[] profile = EMPTY;
    byte[] xmp = EMPTY;
    int p = 8;
    while (file.length - p >= 8) {
      long length = big(file, p);
      int body = p + 8;
      if (length > file.length - body) {
        break;
      }
      int end = body + (int) length;
      switch (new String(file, p + 4, 4, StandardCharsets.ISO_8859_1)) {
        case "eXIf" -> exif = Arrays.copyOfRange(file, body, end);
        case "iTXt" -> xmp = starts(file, body, end, PNG_XMP) ? itxt(file, body, end) : xmp;
        case "tEXt" -> {
          if (starts(file, body, end, PNG_EXIF)) {
            profile = unhex(Arrays.copyOfRange(file, body + PNG_EXIF.length, end));
          }
        }
        case "zTXt" -> {
          if (starts(file, body, end, PNG_EXIF)) {
            profile = unhex(inflate(file, body + PNG_EXIF.length + 1, end));
          }
        }
        default -> {
          // Pixels, colours, other texts.
        }
      }
      if (file.length - end < 4) {
        break;
      }
      p = end + 4;
    }
    return new MetadataBlocks(withoutPreamble(exif.length > 0 ? exif : profile), xmp);
  }

  /** The text of an iTXt chunk: after the keyword two flags, language and translated keyword. */
  private static byte[] itxt(byte[] file, int body, int end) {
    int p = body + PNG_XMP.length;
    if (end - p < 2) {
      return EMPTY;
    }
    boolean compressed = file[p] != 0;
    p += 2;
    for (int zeros = 0; zeros < 2 && p < end; p++) {
      zeros += file[p] == 0 ? 1 : 0;
    }
    return compressed ? inflate(file, p, end) : Arrays.copyOfRange(file, p, end);
  }

  /** ImageMagick's form: an empty line, the name, the length, then hexadecimal digits. */
  private static byte[] unhex(byte[] text) {
    String[] lines = new String(text, StandardCharsets.ISO_8859_1).split("\n", 4);
    if (lines.length < 4) {
      return EMPTY;
    }
    try {
      return HexFormat.of().parseHex(lines[3].replaceAll("\\s", ""));
    } catch (IllegalArgumentException e) {
      // Damaged metadata counts as absent.
      return EMPTY;
    }
  }

  private static byte[] inflate(byte[] file, int from, int end) {
    if (from >= end) {
      return EMPTY;
    }
    Inflater inflater = new Inflater();
    try {
      inflater.setInput(file, from, end - from);
      byte[] out = new byte[Math.min(MAX_INFLATED, Math.max(256, 8 * (end - from)))];
      int length = 0;
      while (true) {
        int n = inflater.inflate(out, length, out.length - length);
        length += n;
        if (inflater.finished()) {
          return Arrays.copyOf(out, length);
        }
        if (length == out.length && length < MAX_INFLATED) {
          out = Arrays.copyOf(out, Math.min(MAX_INFLATED, 2 * length));
        } else if (n == 0) {
          // Too long, truncated, or in need of a dictionary.
          return EMPTY;
        }
      }
    } catch (DataFormatException e) {
      // Damaged metadata counts as absent.
      return EMPTY;
    } finally {
      inflater.end();
    }
  }

  private static MetadataBlocks jpeg(byte[] file) {
    byte[][] found = {EMPTY, EMPTY};
    JpegSegments.visit(
        file,
        (marker, body, end) -> {
          if (marker == 0xE1 && found[0].length == 0 && starts(file, body, end, EXIF_PREAMBLE)) {
            found[0] = Arrays.copyOfRange(file, body, end);
          } else if (marker == 0xE1 && starts(file, body, end, XMP_PREAMBLE)) {
            found[1] = Arrays.copyOfRange(file, body + XMP_PREAMBLE.length, end);
          }
        });
    return new MetadataBlocks(withoutPreamble(found[0]), found[1]);
  }

  private static MetadataBlocks webp(byte[] file) {
    byte[] exif = EMPTY;
    byte[] xmp = EMPTY;
    int p = 12;
    while (file.length - p >= 8) {
      long length = Integer.toUnsignedLong(Integer.reverseBytes((int) big(file, p + 4)));
      int body = p + 8;
      if (length > file.length - body) {
        break;
      }
      int end = body + (int) length;
      String kind = new String(file, p, 4, StandardCharsets.ISO_8859_1);
      if (kind.equals("EXIF")) {
        exif = Arrays.copyOfRange(file, body, end);
      } else if (kind.equals("XMP ")) {
        xmp = Arrays.copyOfRange(file, body, end);
      }
      p = Math.min(file.length, end + (end - body & 1));
    }
    return new MetadataBlocks(withoutPreamble(exif), xmp);
  }

  private static byte[] withoutPreamble(byte[] exif) {
    return starts(exif, 0, exif.length, EXIF_PREAMBLE)
        ? Arrays.copyOfRange(exif, EXIF_PREAMBLE.length, exif.length)
        : exif;
  }

  private static boolean starts(byte[] file, int from, int end, byte[] text) {
    return end - from >= text.length
        && Arrays.equals(file, from, from + text.length, text, 0, text.length);
  }

  private static long big(byte[] file, int at) {
    return (file[at] & 255L) << 24
        | (file[at + 1] & 255) << 16
        | (file[at + 2] & 255) << 8
        | (file[at + 3] & 255);
  }

  private static byte[] latin1(String text) {
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }
}
