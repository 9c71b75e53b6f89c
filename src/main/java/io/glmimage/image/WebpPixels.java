package io.glmimage.image;

import com.twelvemonkeys.imageio.plugins.webp.vp8.VP8Frame;
import com.twelvemonkeys.imageio.stream.ByteArrayImageInputStream;
import java.awt.image.BufferedImage;
import java.awt.image.Raster;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import javax.imageio.IIOException;
import javax.imageio.ImageReader;
import javax.imageio.ImageTypeSpecifier;
import javax.imageio.stream.ImageInputStream;

/**
 * The first frame of a WebP file on its canvas (black where the frame does not cover it).
 *
 * <p>Lossy frames are converted here from the decoder's luminance and chrominance planes, with
 * libwebp's smooth chroma upsampling and integer colour matrix (the reader's own conversion repeats
 * chroma samples, up to 75 levels off at coloured edges). Source: dsp/upsampling.c and dsp/yuv.h of
 * libwebp.
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
    try (ImageInputStream input = new ByteArrayImageInputStream(file)) {
      input.seek(lossy);
      VP8Frame frame = new VP8Frame(input, false);
      int frameWidth = (int) little(file, lossy + 6, 2) & 0x3FFF;
      int frameHeight = (int) little(file, lossy + 8, 2) & 0x3FFF;
      BufferedImage unused =
          ImageTypeSpecifier.createFromBufferedImageType(BufferedImage.TYPE_3BYTE_BGR)
              .createBufferedImage(frameWidth, frameHeight);
      if (!frame.decode(unused.getRaster(), null)) {
        throw new IIOException("not a key frame");
      }
      return new Upsampler(
              frame.getDebugImageYBuffer().getRaster(),
              frame.getDebugImageUBuffer().getRaster(),
              frame.getDebugImageVBuffer().getRaster())
          .toRgb();
    }
  }

  /** Planes at full size, chroma samples repeated, to RGB. */
  private static final class Upsampler {
    private final int width;
    private final int height;
    private final int[] luma;
    private final int[] u;
    private final int[] v;

    Upsampler(Raster y, Raster u, Raster v) {
      width = y.getWidth();
      height = y.getHeight();
      luma = y.getSamples(0, 0, width, height, 0, (int[]) null);
      this.u = chroma(u);
      this.v = chroma(v);
    }

    /** {@code [height, width] -> [ceil(height / 2), ceil(width / 2)]} */
    private int[] chroma(Raster plane) {
      int columns = (width + 1) / 2;
      int rows = (height + 1) / 2;
      int[] out = new int[rows * columns];
      for (int r = 0; r < rows; r++) {
        for (int c = 0; c < columns; c++) {
          out[r * columns + c] = plane.getSample(2 * c, 2 * r, 0);
        }
      }
      return out;
    }

    RgbImage toRgb() {
      byte[] out = new byte[width * height * 3];
      int columns = (width + 1) / 2;
      int rows = (height + 1) / 2;
      int o = 0;
      for (int y = 0; y < height; y++) {
        int near = y / 2;
        int far = Math.max(0, Math.min(rows - 1, y % 2 == 0 ? near - 1 : near + 1));
        for (int x = 0; x < width; x++, o += 3) {
          int column = x / 2;
          int other = Math.max(0, Math.min(columns - 1, x % 2 == 0 ? column - 1 : column + 1));
          boolean edge = other == column;
          int cb = sample(u, columns, near, far, column, other, edge);
          int cr = sample(v, columns, near, far, column, other, edge);
          int l = (luma[y * width + x] * 19077) >> 8;
          out[o] = clip(l + ((cr * 26149) >> 8) - 14234);
          out[o + 1] = clip(l - ((cb * 6419) >> 8) - ((cr * 13320) >> 8) + 8708);
          out[o + 2] = clip(l + ((cb * 33050) >> 8) - 17685);
        }
      }
      return new RgbImage(height, width, out);
    }

    /** Weights 9, 3, 3, 1 of 16, rounded in libwebp's two steps; 3 and 1 of 4 at the sides. */
    private static int sample(
        int[] plane, int columns, int near, int far, int column, int other, boolean edge) {
      int a = plane[near * columns + column];
      int c = plane[far * columns + column];
      if (edge) {
        return (3 * a + c + 2) >> 2;
      }
      int b = plane[near * columns + other];
      int d = plane[far * columns + other];
      int diagonal = (a + b + c + d + 8 + 2 * (b + c)) >> 3;
      return (diagonal + a) >> 1;
    }

    private static byte clip(int value) {
      return (byte) Math.max(0, Math.min(255, value >> 6));
    }
  }
}
