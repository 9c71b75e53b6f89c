package io.glmimage.image;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/**
 * The EXIF and XMP blocks and the ICC profile of a file, found by its segments or chunks and not
 * interpreted. Other metadata is skipped. Compressed blocks are inflated up to a limit.
 *
 * <p>Pillow's places: APP1 segments of JPEG; {@code eXIf}, {@code iTXt} and ImageMagick's {@code
 * Raw profile type exif} of PNG; {@code EXIF} and {@code XMP} chunks of WebP. A TIFF file is itself
 * an EXIF block. Profiles are in APP2 segments of JPEG; {@code iCCP} of PNG, unless {@code cICP}
 * names the colours; {@code ICCP} of WebP; a tag of TIFF; the end of BMP.
 *
 * @param exif starts with a TIFF header; empty if there is none
 * @param xmp the packet; empty if there is none
 * @param profile not checked; empty if there is none
 */
record MetadataBlocks(byte[] exif, byte[] xmp, byte[] profile) {
  /** The limit of Pillow for a text in a PNG file. */
  private static final int MAX_INFLATED = 1 << 20;

  /** Profiles of printers have up to 3 MiB. */
  private static final int MAX_PROFILE = 8 << 20;

  private static final int TIFF_PROFILE = 34675;

  private static final byte[] EMPTY = {};

  /** In place of a profile that is there and cannot be read. */
  private static final byte[] UNKNOWN = {0};

  private static final byte[] EXIF_PREAMBLE = latin1("Exif\0\0");
  private static final byte[] XMP_PREAMBLE = latin1("http://ns.adobe.com/xap/1.0/\0");
  private static final byte[] ICC_PREAMBLE = latin1("ICC_PROFILE\0");
  private static final byte[] PNG_XMP = latin1("XML:com.adobe.xmp\0");
  private static final byte[] PNG_EXIF = latin1("Raw profile type exif\0");

  static MetadataBlocks of(byte[] file, ImageFormat format) {
    return switch (format) {
      case PNG -> png(file);
      case JPEG -> jpeg(file);
      case WEBP -> webp(file);
      case TIFF -> new MetadataBlocks(file, EMPTY, TiffTags.of(file).value(TIFF_PROFILE));
      case BMP -> new MetadataBlocks(EMPTY, EMPTY, bmpProfile(file));
      case GIF -> new MetadataBlocks(EMPTY, EMPTY, EMPTY);
    };
  }

  private static MetadataBlocks png(byte[] file) {
    PngBlocks found = new PngBlocks(file);
    PngChunks.visit(file, found);
    byte[] exif = found.exif.length > 0 ? found.exif : found.raw;
    boolean embedded = found.icc.length > 0 && found.named.length <= UNKNOWN.length;
    return new MetadataBlocks(withoutPreamble(exif), found.xmp, embedded ? found.icc : found.named);
  }

  private static final class PngBlocks implements PngChunks.Visitor {
    private final byte[] file;
    private byte[] exif = EMPTY;
    private byte[] raw = EMPTY;
    private byte[] xmp = EMPTY;
    private byte[] icc = EMPTY;

    /** The profile that a cICP chunk names. */
    private byte[] named = EMPTY;

    PngBlocks(byte[] file) {
      this.file = file;
    }

    @Override
    public void visit(String kind, int body, int end) {
      switch (kind) {
        case "eXIf" -> exif = Arrays.copyOfRange(file, body, end);
        case "iTXt" -> xmp = starts(file, body, end, PNG_XMP) ? itxt(file, body, end) : xmp;
        case "tEXt" -> {
          if (starts(file, body, end, PNG_EXIF)) {
            raw = unhex(Arrays.copyOfRange(file, body + PNG_EXIF.length, end));
          }
        }
        case "zTXt" -> {
          if (starts(file, body, end, PNG_EXIF)) {
            raw = unhex(inflate(file, body + PNG_EXIF.length + 1, end, MAX_INFLATED));
          }
        }
        case "iCCP" -> icc = iccp(file, body, end);
        case "cICP" -> {
          if (end - body >= 2) {
            byte[] profile = MatrixProfile.ofCodes(file[body] & 255, file[body + 1] & 255);
            named = profile.length > 0 ? profile : UNKNOWN;
          }
        }
        default -> {
          // Pixels, other colours, other texts.
        }
      }
    }
  }

  /** A profile after its name and the number of the compression. */
  private static byte[] iccp(byte[] file, int body, int end) {
    int p = body;
    while (p < end && file[p] != 0) {
      p++;
    }
    byte[] profile = inflate(file, p + 2, end, MAX_PROFILE);
    return profile.length > 0 ? profile : UNKNOWN;
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
    return compressed ? inflate(file, p, end, MAX_INFLATED) : Arrays.copyOfRange(file, p, end);
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

  private static byte[] inflate(byte[] file, int from, int end, int most) {
    if (from >= end) {
      return EMPTY;
    }
    Inflater inflater = new Inflater();
    try {
      inflater.setInput(file, from, end - from);
      byte[] out = new byte[(int) Math.min(most, Math.max(256, 8L * (end - from)))];
      int length = 0;
      while (true) {
        int n = inflater.inflate(out, length, out.length - length);
        length += n;
        if (inflater.finished()) {
          return Arrays.copyOf(out, length);
        }
        if (length == out.length && length < most) {
          out = Arrays.copyOf(out, Math.min(most, 2 * length));
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
    JpegProfile profile = new JpegProfile(file);
    JpegSegments.visit(
        file,
        (marker, body, end) -> {
          if (marker == 0xE1 && found[0].length == 0 && starts(file, body, end, EXIF_PREAMBLE)) {
            found[0] = Arrays.copyOfRange(file, body, end);
          } else if (marker == 0xE1 && starts(file, body, end, XMP_PREAMBLE)) {
            found[1] = Arrays.copyOfRange(file, body + XMP_PREAMBLE.length, end);
          } else if (marker == 0xE2 && starts(file, body, end, ICC_PREAMBLE)) {
            profile.add(body + ICC_PREAMBLE.length, end);
          }
        });
    return new MetadataBlocks(withoutPreamble(found[0]), found[1], profile.joined());
  }

  /** Joins the parts of a profile. Each starts with its number, from 1, and the number of parts. */
  private static final class JpegProfile {
    private final byte[] file;
    private final byte[][] parts = new byte[256][];
    private boolean any;
    private int count;

    JpegProfile(byte[] file) {
      this.file = file;
    }

    void add(int body, int end) {
      any = true;
      if (end - body >= 2 && parts[file[body] & 255] == null) {
        count = Math.max(count, file[body + 1] & 255);
        parts[file[body] & 255] = Arrays.copyOfRange(file, body + 2, end);
      }
    }

    byte[] joined() {
      if (!any) {
        return EMPTY;
      }
      ByteArrayOutputStream all = new ByteArrayOutputStream();
      for (int i = 1; i <= count; i++) {
        if (parts[i] == null) {
          return UNKNOWN;
        }
        all.writeBytes(parts[i]);
      }
      return all.size() == 0 ? UNKNOWN : all.toByteArray();
    }
  }

  private static MetadataBlocks webp(byte[] file) {
    byte[] exif = EMPTY;
    byte[] xmp = EMPTY;
    byte[] profile = EMPTY;
    int p = 12;
    while (file.length - p >= 8) {
      long length = Integer.toUnsignedLong(Integer.reverseBytes((int) big(file, p + 4)));
      int body = p + 8;
      if (length > file.length - body) {
        break;
      }
      int end = body + (int) length;
      switch (new String(file, p, 4, StandardCharsets.ISO_8859_1)) {
        case "EXIF" -> exif = Arrays.copyOfRange(file, body, end);
        case "XMP " -> xmp = Arrays.copyOfRange(file, body, end);
        case "ICCP" -> profile = end > body ? Arrays.copyOfRange(file, body, end) : UNKNOWN;
        default -> {
          // Frames.
        }
      }
      p = Math.min(file.length, end + (end - body & 1));
    }
    return new MetadataBlocks(withoutPreamble(exif), xmp, profile);
  }

  /** The profile of a BITMAPV5HEADER with the colour space PROFILE_EMBEDDED. */
  private static byte[] bmpProfile(byte[] file) {
    int header = 14;
    if (file.length < header + 124 || little(file, header) < 124) {
      return EMPTY;
    }
    if (little(file, header + 56) != 0x4D424544) {
      return EMPTY;
    }
    long start = header + little(file, header + 112);
    long end = start + little(file, header + 116);
    return end > start && end <= file.length
        ? Arrays.copyOfRange(file, (int) start, (int) end)
        : UNKNOWN;
  }

  private static long little(byte[] file, int at) {
    return Integer.toUnsignedLong(Integer.reverseBytes((int) big(file, at)));
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
