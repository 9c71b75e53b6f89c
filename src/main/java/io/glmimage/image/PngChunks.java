package io.glmimage.image;

import java.nio.charset.StandardCharsets;

/** The chunks of a PNG file. Format: W3C PNG, third edition. */
final class PngChunks {
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

  private static long big(byte[] file, int at) {
    return (file[at] & 255L) << 24
        | (file[at + 1] & 255) << 16
        | (file[at + 2] & 255) << 8
        | (file[at + 3] & 255);
  }
}
