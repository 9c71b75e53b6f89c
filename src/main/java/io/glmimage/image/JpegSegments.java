package io.glmimage.image;

/** The marker segments of a JPEG file in front of its first scan. */
final class JpegSegments {
  /** Takes a segment. Its content starts at {@code body} and ends before {@code end}. */
  @FunctionalInterface
  interface Visitor {
    void visit(int marker, int body, int end);
  }

  private JpegSegments() {}

  /** Visits all segments in their order. Bytes between segments are skipped. */
  static void visit(byte[] file, Visitor visitor) {
    int p = 2;
    while (file.length - p >= 4) {
      int marker = file[p + 1] & 255;
      if ((file[p] & 255) != 0xFF || marker == 0xFF) {
        p++;
      } else if (marker == 0 || marker == 1 || (marker >= 0xD0 && marker <= 0xD8)) {
        // Markers without content.
        p += 2;
      } else if (marker == 0xDA || marker == 0xD9) {
        return;
      } else {
        int length = (file[p + 2] & 255) << 8 | (file[p + 3] & 255);
        visitor.visit(marker, p + 4, Math.min(file.length, p + 2 + length));
        p += 2 + length;
      }
    }
  }
}
