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
 * @param transparent whether the frame has a transparent colour, which also fills the canvas
 * @param still a GIF file with this frame only, without a trailer
 */
record GifFrame(
    int width, int height, int left, int top, int fill, boolean transparent, byte[] still) {
  private static final int SCREEN_END = 13;
  private static final int EXTENSION = 0x21;
  private static final int CONTROL = 0xF9;
  private static final int APPLICATION = 0xFF;
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
    int frameWidth = little(file, p + 5);
    int frameHeight = little(file, p + 7);
    int width = Math.max(little(file, 6), left + frameWidth);
    int height = Math.max(little(file, 8), top + frameHeight);
    boolean index = control >= 0 && (file[control + 3] & 1) != 0;
    return new GifFrame(
        width, height, left, top, index ? file[control + 6] & 255 : 0, index, still.toByteArray());
  }

  /**
   * Whether a frame follows the first.
   *
   * @param file may be the start of a longer file; then a note about repetition counts as a frame
   */
  static boolean hasMore(byte[] file) {
    int p = file.length < SCREEN_END ? file.length : SCREEN_END + paletteBytes(file[10]);
    boolean repeats = false;
    int frames = 0;
    while (p + 10 <= file.length) {
      int kind = file[p] & 255;
      if (kind == DESCRIPTOR) {
        frames++;
        if (frames > 1) {
          return true;
        }
        p = blocksEnd(file, p + 10 + paletteBytes(file[p + 9]) + 1);
      } else if (kind == EXTENSION) {
        repeats |= (file[p + 1] & 255) == APPLICATION;
        p = blocksEnd(file, p + 2);
      } else {
        return false;
      }
    }
    return repeats && (p >= file.length || (file[p] & 255) != TRAILER);
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

  /**
   * The size of the canvas, with a first frame that reaches beyond it. The first 10 bytes of a file
   * are enough for the canvas.
   *
   * @param file from its start
   * @throws IIOException if the file ends before its size
   */
  static PixelSize size(byte[] file) throws IIOException {
    PixelSize canvas = canvas(file);
    try {
      GifFrame first = of(file);
      return new PixelSize(first.height, first.width);
    } catch (IIOException e) {
      // The first frame begins after the part that was read, or there is none.
      return canvas;
    }
  }

  private static PixelSize canvas(byte[] file) throws IIOException {
    require(file, 10);
    return new PixelSize(little(file, 8), little(file, 6));
  }

  /**
   * Decodes the frame onto its canvas. The rest of the canvas has the transparent colour, or the
   * colour of index 0 if the frame has none. Pillow does the same.
   */
  Samples decode(ImageReader reader) throws IOException {
    BufferedImage decoded = reader.read(0);
    Samples frame = RasterPixels.of(decoded);
    if (frame.width() == width && frame.height() == height) {
      return frame;
    }
    int colour = decoded.getColorModel().getRGB(fill);
    int[] inside = new int[frame.width() * frame.stride()];
    return new Samples(
        height,
        width,
        Samples.Model.RGB,
        /* alpha= */ true,
        Samples.BYTE,
        (y, row) -> {
          for (int o = 0; o < row.length; o += 4) {
            row[o] = colour >> 16 & 255;
            row[o + 1] = colour >> 8 & 255;
            row[o + 2] = colour & 255;
            row[o + 3] = transparent ? 0 : 255;
          }
          if (y >= top && y < top + frame.height()) {
            frame.rows().read(y - top, inside);
            for (int i = 0, o = 4 * left; i < inside.length; i += frame.stride(), o += 4) {
              boolean grey = frame.model() == Samples.Model.GREY;
              row[o] = inside[i];
              row[o + 1] = inside[grey ? i : i + 1];
              row[o + 2] = inside[grey ? i : i + 2];
              row[o + 3] = frame.alpha() ? inside[i + frame.model().channels()] : 255;
            }
          }
        });
  }

  private static int little(byte[] file, int at) {
    return (file[at] & 255) | (file[at + 1] & 255) << 8;
  }
}
