package io.glmimage.image;

import javax.imageio.IIOException;

/**
 * Compares what the header of a file claims with the bytes of the file, before a reader spends
 * memory or time on the claims.
 */
final class DeclaredSize {
  /** Deflate writes a run of 258 bytes with 2 bits at best. */
  private static final long DEFLATE_RATIO = 1032;

  /** A JPEG block of 8 x 8 pixels takes 1 bit at least. */
  private static final long JPEG_PIXELS_PER_BYTE = 8 * 64;

  /** Progressive files have about 10 scans. Each scan passes over the whole image. */
  private static final int MAX_JPEG_SCANS = 100;

  private DeclaredSize() {}

  /**
   * Checks a file before its header is parsed.
   *
   * @throws IIOException if the file is certainly damaged or hostile
   */
  static void checkFile(ImageFormat format, byte[] file) throws IIOException {
    switch (format) {
      case BMP -> {
        // The reader allocates as many colours as fit in front of the pixels.
        long pixels = file.length < 14 ? 0 : little(file, 10);
        if (pixels > file.length) {
          throw new IIOException(
              "its pixels start at byte " + pixels + ", the file has " + file.length);
        }
      }
      case JPEG -> {
        int scans = scans(file);
        if (scans > MAX_JPEG_SCANS) {
          throw new IIOException("it has " + scans + " scans, expected at most " + MAX_JPEG_SCANS);
        }
      }
      default -> {
        // Their readers allocate what the pixels need, which checkPixels has checked.
      }
    }
  }

  /**
   * Checks the size of the image.
   *
   * @throws IIOException if the file is too short for so many pixels
   */
  static void checkPixels(ImageFormat format, byte[] file, int width, int height)
      throws IIOException {
    long most =
        switch (format) {
          // One bit per pixel at least, and a filter byte per row.
          case PNG -> DEFLATE_RATIO * file.length * 8;
          case JPEG -> JPEG_PIXELS_PER_BYTE * file.length;
          default -> Long.MAX_VALUE;
        };
    if ((long) width * height > most) {
      throw new IIOException(
          "its " + file.length + " bytes cannot hold " + width + " x " + height + " pixels");
    }
  }

  private static int scans(byte[] file) {
    int scans = 0;
    for (int p = 2; p + 1 < file.length; p++) {
      if (file[p] == (byte) 0xFF && file[p + 1] == (byte) 0xDA) {
        scans++;
      }
    }
    return scans;
  }

  private static long little(byte[] file, int at) {
    return (file[at] & 255L)
        | (file[at + 1] & 255L) << 8
        | (file[at + 2] & 255L) << 16
        | (file[at + 3] & 255L) << 24;
  }
}
