package io.glmimage.manifest;

import java.io.BufferedInputStream;
import java.io.ByteArrayInputStream;
import java.io.EOFException;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.Reader;
import java.util.Arrays;
import java.util.zip.GZIPInputStream;
import org.apache.commons.compress.compressors.gzip.GzipCompressorInputStream;

/** Encodings of text files: UTF-8, plain or compressed with gzip. Others are named. */
public final class TextEncoding {
  /** As many bytes of a file show its encoding. */
  public static final int HEAD_BYTES = 1 << 12;

  private static final int BUFFER_BYTES = 1 << 16;

  /** Enough for the name of the first column in UTF-16. */
  private static final int NAME_BYTES = 32;

  private TextEncoding() {}

  /**
   * Decodes a file with {@link StrictUtf8}, and unpacks it if it is compressed with gzip.
   *
   * @param name of the file, for messages
   */
  public static Reader reader(InputStream file, String name) throws IOException {
    InputStream in = new BufferedInputStream(file, BUFFER_BYTES);
    try {
      return new StrictUtf8(isGzip(in) ? new Unpacked(in, name) : in);
    } catch (IOException e) {
      in.close();
      throw e;
    }
  }

  private static boolean isGzip(InputStream in) throws IOException {
    in.mark(2);
    boolean gzip = in.read() == 0x1F && in.read() == 0x8B;
    in.reset();
    return gzip;
  }

  /** Unpacks gzip, and names the file in messages about damaged data. */
  private static final class Unpacked extends FilterInputStream {
    private final String file;

    // The builder that replaces the constructor is not in the library of Spark 3.5.
    @SuppressWarnings("deprecation")
    Unpacked(InputStream packed, String file) throws IOException {
      // All members. Java's own stream ignores what follows a member and is damaged.
      super(new GzipCompressorInputStream(packed, true));
      this.file = file;
    }

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
    }

    @Override
    public int read(byte[] target, int offset, int length) throws IOException {
      try {
        return super.read(target, offset, length);
      } catch (IOException e) {
        String why = e.getMessage() == null ? "" : ": " + e.getMessage();
        throw new IOException(
            "Cannot read " + file + ": its gzip data are damaged or cut off" + why, e);
      }
    }
  }

  /**
   * What makes a file unusable as text, and what to do about it, or null.
   *
   * @param head the first {@link #HEAD_BYTES} of the file, or all of it
   */
  public static String problem(byte[] head) {
    if (head.length == 0) {
      return "the file is empty (write its rows again, or remove it from a folder of files)";
    }
    String compression = compression(head);
    if (compression != null) {
      return "it is compressed with " + compression + " (unpack it, or compress it with gzip)";
    }
    byte[] text = starts(head, 0x1F, 0x8B) ? unpacked(head) : head;
    if (text.length == 0) {
      return "the compressed file is empty or damaged (was it written to its end?)";
    }
    String encoding = encoding(text);
    return encoding == null
        ? null
        : "it is "
            + encoding
            + " text, UTF-8 is expected (convert it: iconv -f "
            + encoding
            + " -t UTF-8)";
  }

  /** What can be unpacked from the start of a gzip file. */
  private static byte[] unpacked(byte[] head) {
    byte[] text = new byte[HEAD_BYTES];
    int length = 0;
    try (InputStream in = new GZIPInputStream(new ByteArrayInputStream(head))) {
      while (length < text.length) {
        // Byte by byte: an array would be lost where the head is cut off.
        int next = in.read();
        if (next < 0) {
          break;
        }
        text[length++] = (byte) next;
      }
    } catch (EOFException e) {
      // The head ends within the data.
    } catch (IOException e) {
      return new byte[0];
    }
    return Arrays.copyOf(text, length);
  }

  private static String compression(byte[] head) {
    if (starts(head, 0x28, 0xB5, 0x2F, 0xFD)) {
      return "Zstandard";
    }
    if (starts(head, 'B', 'Z', 'h')) {
      return "bzip2";
    }
    if (starts(head, 0xFD, '7', 'z', 'X', 'Z')) {
      return "xz";
    }
    if (starts(head, 0x04, 0x22, 0x4D, 0x18)) {
      return "LZ4";
    }
    return starts(head, 'P', 'K', 3, 4) ? "zip" : null;
  }

  /** The encoding of text that is not UTF-8 as a byte order mark or NUL bytes show it, or null. */
  private static String encoding(byte[] head) {
    if (starts(head, 0xFF, 0xFE, 0, 0) || starts(head, 0, 0, 0xFE, 0xFF)) {
      return "UTF-32";
    }
    if (starts(head, 0xFF, 0xFE) || starts(head, 0xFE, 0xFF)) {
      return "UTF-16";
    }
    // The names of columns are ASCII, whatever the language of the prompts is.
    String start = encodingByZeros(Arrays.copyOf(head, Math.min(head.length, NAME_BYTES)));
    return start == null ? encodingByZeros(head) : start;
  }

  private static String encodingByZeros(byte[] head) {
    int even = 0;
    int odd = 0;
    for (int i = 0; i < head.length; i++) {
      if (head[i] == 0) {
        if (i % 2 == 0) {
          even++;
        } else {
          odd++;
        }
      }
    }
    // Most characters of a manifest's first line are ASCII: each has one NUL byte in UTF-16.
    int many = head.length / 4 + 1;
    if (even + odd > head.length / 2 + 1) {
      return head[0] == 0 ? "UTF-32BE" : "UTF-32LE";
    }
    return odd >= many ? "UTF-16LE" : even >= many ? "UTF-16BE" : null;
  }

  private static boolean starts(byte[] head, int... bytes) {
    if (head.length < bytes.length) {
      return false;
    }
    for (int i = 0; i < bytes.length; i++) {
      if ((head[i] & 0xFF) != bytes[i]) {
        return false;
      }
    }
    return true;
  }
}
