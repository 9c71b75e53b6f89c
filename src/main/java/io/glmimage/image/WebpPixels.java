package io.glmimage.image;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import javax.imageio.IIOException;
import javax.imageio.ImageReader;

/**
 * The first frame of a WebP file on its canvas (black where the frame does not cover it).
 *
 * <p>Lossless frames come from the ImageIO plug-in. Lossy ones are decoded by {@link Vp8KeyFrame}
 * and converted with libwebp's smooth chroma upsampling and integer colour matrix, since the
 * plug-in repeats chroma samples (up to 75 levels off at coloured edges) and drifts. Source:
 * dsp/upsampling.c and dsp/yuv.h of libwebp.
 *
 * @param width of the canvas
 * @param height of the canvas
 * @param left of the frame
 * @param top of the frame
 * @param lossy where the VP8 key frame starts in the file, or -1 for a lossless one
 */
record WebpPixels(int width, int height, int left, int top, int lossy) {
  private static final int HEADER = 8;

  /** Finds the frame; the reader gives what a lossless file's header says. */
  static WebpPixels of(byte[] file, ImageReader reader) throws IOException {
    int width = 0;
    int height = 0;
    int p = 12;
    int end = file.length;
    int left = 0;
    int top = 0;
    while (p + HEADER <= end) {
      String kind = new String(file, p, 4, StandardCharsets.ISO_8859_1);
      long size = little(file, p + 4, 4);
      int body = p + HEADER;
      switch (kind) {
        case "VP8X" -> {
          require(file, body + 10);
          width = 1 + (int) little(file, body + 4, 3);
          height = 1 + (int) little(file, body + 7, 3);
        }
        case "ANMF" -> {
          // The frame's own chunks follow its header.
          require(file, body + 16);
          left = 2 * (int) little(file, body, 3);
          top = 2 * (int) little(file, body + 3, 3);
          size = 16;
        }
        case "VP8 ", "VP8L" -> {
          int frameWidth = reader.getWidth(0);
          int frameHeight = reader.getHeight(0);
          boolean lossy = kind.equals("VP8 ");
          require(file, body + size);
          if (lossy) {
            frameWidth = (int) little(file, body + 6, 2) & 0x3FFF;
            frameHeight = (int) little(file, body + 8, 2) & 0x3FFF;
          }
          return new WebpPixels(
              Math.max(width, left + frameWidth),
              Math.max(height, top + frameHeight),
              left,
              top,
              lossy ? body : -1);
        }
        default -> {}
      }
      p = Math.toIntExact(Math.min(end, body + size + (size & 1)));
    }
    throw new IIOException("no frame");
  }

  private static void require(byte[] file, long end) throws IIOException {
    if (end > file.length) {
      throw new IIOException(
          "it ends after " + file.length + " bytes, " + end + " are needed at least");
    }
  }

  private static long little(byte[] file, int at, int bytes) {
    long value = 0;
    for (int i = bytes - 1; i >= 0; i--) {
      value = value << 8 | (file[at + i] & 255);
    }
    return value;
  }

  RgbImage toRgb(byte[] file, ImageReader reader) throws IOException {
    RgbImage frame = lossy < 0 ? RasterPixels.toRgb(reader.read(0)) : keyFrame(file);
    if (frame.width() == width && frame.height() == height) {
      return frame;
    }
    byte[] canvas = new byte[width * height * 3];
    for (int y = 0; y < frame.height(); y++) {
      System.arraycopy(
          frame.pixels(),
          y * frame.width() * 3,
          canvas,
          ((top + y) * width + left) * 3,
          frame.width() * 3);
    }
    return new RgbImage(height, width, canvas);
  }

  private RgbImage keyFrame(byte[] file) throws IOException {
    int end = lossy + (int) little(file, lossy - 4, 4);
    return new Upsampler(Vp8KeyFrame.decode(file, lossy, end)).toRgb();
  }

  /** A frame's planes to RGB. */
  private static final class Upsampler {
    private final Vp8KeyFrame frame;
    private final int columns;
    private final int rows;

    Upsampler(Vp8KeyFrame frame) {
      this.frame = frame;
      columns = (frame.width + 1) / 2;
      rows = (frame.height + 1) / 2;
    }

    RgbImage toRgb() {
      int width = frame.width;
      int height = frame.height;
      byte[] out = new byte[width * height * 3];
      int o = 0;
      for (int y = 0; y < height; y++) {
        int near = y / 2;
        int far = Math.max(0, Math.min(rows - 1, y % 2 == 0 ? near - 1 : near + 1));
        for (int x = 0; x < width; x++, o += 3) {
          int column = x / 2;
          int other = Math.max(0, Math.min(columns - 1, x % 2 == 0 ? column - 1 : column + 1));
          int cb = sample(frame.u, near, far, column, other);
          int cr = sample(frame.v, near, far, column, other);
          int l = (frame.luma.samples[y * frame.luma.stride + x] * 19077) >> 8;
          out[o] = clip(l + ((cr * 26149) >> 8) - 14234);
          out[o + 1] = clip(l - ((cb * 6419) >> 8) - ((cr * 13320) >> 8) + 8708);
          out[o + 2] = clip(l + ((cb * 33050) >> 8) - 17685);
        }
      }
      return new RgbImage(height, width, out);
    }

    /** Weights 9, 3, 3, 1 of 16, rounded in libwebp's two steps; 3 and 1 of 4 at the sides. */
    private static int sample(Vp8KeyFrame.Plane plane, int near, int far, int column, int other) {
      int a = plane.samples[near * plane.stride + column];
      int c = plane.samples[far * plane.stride + column];
      if (other == column) {
        return (3 * a + c + 2) >> 2;
      }
      int b = plane.samples[near * plane.stride + other];
      int d = plane.samples[far * plane.stride + other];
      int diagonal = (a + b + c + d + 8 + 2 * (b + c)) >> 3;
      return (diagonal + a) >> 1;
    }

    private static byte clip(int value) {
      return (byte) Math.max(0, Math.min(255, value >> 6));
    }
  }
}
