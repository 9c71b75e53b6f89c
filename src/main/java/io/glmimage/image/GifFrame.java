package io.glmimage.image;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import javax.imageio.IIOException;
import javax.imageio.ImageReader;

/**
 * The first frame of a GIF file and its place on the canvas. Format: GIF89a.
 *
 * <p>ImageIO gets only this frame. Its reader collects comments and application data in a time that
 * grows with the square of their length.
 *
 * @param width of the canvas in pixels
 * @param height of the canvas in pixels
 * @param left position of the frame on the canvas
 * @param top position of the frame on the canvas
 * @param fill index of the colour around the frame
 * @param still a GIF file with this frame only, without a trailer
 */
record GifFrame(int width, int height, int left, int top, int fill, byte[] still) {
  private static final int SCREEN_END = 13;
  private static final int EXTENSION = 0x21;
  private static final int CONTROL = 0xF9;
  private static final int DESCRIPTOR = 0x2C;
  private static final int TRAILER = 0x3B;

  /**
   * Finds the first frame.
   *
   * @throws IIOException if the file has no frame or ends before its pixels start
   */
  static GifFrame of(byte[] file) throws IIOException {
    require(file, SCREEN_END);
    int p = SCREEN_END + paletteBytes(file[10]);
    ByteArrayOutputStream still = new ByteArrayOutputStream();
    require(file, p);
    still.write(file, 0, p);
    int control = -1;
    while (true) {
      require(file, p + 2);
      int kind = file[p] & 255;
      if (kind == DESCRIPTOR) {
        break;
      }
      if (kind != EXTENSION) {
        throw new IIOException(
            kind == TRAILER ? "it has no frame" : "it has a block of unknown kind " + kind);
      }
      if ((file[p + 1] & 255) == CONTROL) {
        require(file, p + 8);
        control = p;
      }
      p = blocksEnd(file, p + 2);
    }
    require(file, p + 10);
    if (control >= 0) {
      still.write(file, control, 7);
      still.write(0);
    }
    int end = p + 10 + paletteBytes(file[p + 9]) + 1;
    require(file, end);
    end = blocksEnd(file, end);
    still.write(file, p, end - p);
    int left = little(file, p + 1);
    int top = little(file, p + 3);
    return new GifFrame(
        Math.max(little(file, 6), left + little(file, p + 5)),
        Math.max(little(file, 8), top + little(file, p + 7)),
        left,
        top,
        control >= 0 && (file[control + 3] & 1) != 0 ? file[control + 6] & 255 : 0,
        still.toByteArray());
  }

  /** The end of a chain of data blocks; at most the end of the file. */
  private static int blocksEnd(byte[] file, int start) {
    int p = start;
    while (p < file.length && file[p] != 0) {
      p += 1 + (file[p] & 255);
    }
    return Math.min(file.length, p + 1);
  }

  private static int paletteBytes(byte flags) {
    return (flags & 0x80) == 0 ? 0 : 3 << ((flags & 7) + 1);
  }

  private static void require(byte[] file, int end) throws IIOException {
    if (end > file.length) {
      throw new IIOException(
          "it ends after " + file.length + " bytes, at least " + end + " are needed");
    }
  }

  /** The size of the canvas, from the first 10 bytes of a file. */
  static PixelSize canvas(byte[] file) throws IIOException {
    require(file, 10);
    return new PixelSize(little(file, 8), little(file, 6));
  }

  /**
   * Decodes the frame onto its canvas. The rest of the canvas has the colour of the transparent
   * index, or of index 0 if the frame has none. Pillow does the same.
   */
  RgbImage toRgb(ImageReader reader) throws IOException {
    BufferedImage decoded = reader.read(0);
    RgbImage frame = RasterPixels.toRgb(decoded);
    if (frame.width() == width && frame.height() == height) {
      return frame;
    }
    int colour = decoded.getColorModel().getRGB(fill);
    byte[] canvas = new byte[width * height * 3];
    for (int i = 0; i < canvas.length; i += 3) {
      canvas[i] = (byte) (colour >> 16);
      canvas[i + 1] = (byte) (colour >> 8);
      canvas[i + 2] = (byte) colour;
    }
    int stride = frame.width() * 3;
    for (int y = 0; y < frame.height(); y++) {
      int target = ((top + y) * width + left) * 3;
      System.arraycopy(frame.pixels(), y * stride, canvas, target, stride);
    }
    return new RgbImage(height, width, canvas);
  }

  private static int little(byte[] file, int at) {
    return (file[at] & 255) | (file[at + 1] & 255) << 8;
  }
}
