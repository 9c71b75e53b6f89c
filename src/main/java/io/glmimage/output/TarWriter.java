package io.glmimage.output;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/**
 * Writes tar archives (POSIX.1-1988 ustar) of regular files. Owner, time and mode are constant, so
 * that the same files give the same bytes.
 */
public final class TarWriter {
  private static final int BLOCK = 512;
  private static final int NAME_BYTES = 100;
  private static final int CHECKSUM = 148;

  private final OutputStream out;

  public TarWriter(OutputStream out) {
    this.out = out;
  }

  /**
   * @param name of ASCII characters, at most 100
   */
  public void file(String name, byte[] content) throws IOException {
    byte[] header = new byte[BLOCK];
    if (name.length() > NAME_BYTES || !name.chars().allMatch(c -> c > ' ' && c < 127)) {
      throw new IllegalArgumentException("Invalid name in a tar archive: " + name);
    }
    put(header, 0, name);
    put(header, 100, "0000644\0");
    put(header, 108, "0000000\0");
    put(header, 116, "0000000\0");
    put(header, 124, String.format(Locale.ROOT, "%011o\0", content.length));
    put(header, 136, "00000000000\0");
    // The checksum counts its own field as blanks.
    put(header, CHECKSUM, "        ");
    header[156] = '0';
    put(header, 257, "ustar\00000");
    put(header, 329, "0000000\0");
    put(header, 337, "0000000\0");
    int sum = 0;
    for (byte b : header) {
      sum += b & 255;
    }
    put(header, CHECKSUM, String.format(Locale.ROOT, "%06o\0 ", sum));
    out.write(header);
    out.write(content);
    out.write(new byte[(BLOCK - content.length % BLOCK) % BLOCK]);
  }

  /** Writes the end of the archive. The stream stays open. */
  public void finish() throws IOException {
    out.write(new byte[2 * BLOCK]);
  }

  private static void put(byte[] header, int at, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(bytes, 0, header, at, bytes.length);
  }
}
