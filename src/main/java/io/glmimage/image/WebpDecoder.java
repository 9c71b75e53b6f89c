package io.glmimage.image;

import java.util.Arrays;
import javax.imageio.IIOException;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.leptonica.PIX;
import org.bytedeco.leptonica.global.leptonica;

/**
 * Reads WebP files with libwebp. The values are those of Pillow, which uses the same library.
 *
 * <p>libwebp gets the first frame as a still image. This covers animated files too, which its
 * simple interface refuses.
 */
final class WebpDecoder {
  private WebpDecoder() {}

  /**
   * The first frame on its canvas, which is black and transparent where the frame does not cover
   * it. Transparent pixels keep their colour.
   *
   * @param withAlpha whether alpha is wanted
   * @throws IIOException if the file is truncated or damaged
   * @throws IllegalStateException if libwebp cannot be loaded
   */
  static Samples decode(byte[] file, WebpFile webp, boolean withAlpha) throws IIOException {
    WebpFile.Frame frame = webp.frame();
    int stride = withAlpha ? 4 : 3;
    byte[] pixels = decode(webp.still(file, withAlpha), frame, stride);
    return new Samples(
        webp.height(),
        webp.width(),
        Samples.Model.RGB,
        withAlpha,
        Samples.BYTE,
        (y, row) -> {
          if (webp.coversPart()) {
            Arrays.fill(row, 0);
          }
          int line = y - frame.top();
          if (line >= 0 && line < frame.height()) {
            int from = line * frame.width() * stride;
            int to = frame.left() * stride;
            for (int i = 0; i < frame.width() * stride; i++) {
              row[to + i] = pixels[from + i] & 255;
            }
          }
        });
  }

  /** The pixels of a still image, {@code [height, width, stride]}. */
  private static byte[] decode(byte[] still, WebpFile.Frame frame, int stride) throws IIOException {
    Leptonica.require("read WebP images");
    PIX pix;
    try (BytePointer bytes = new BytePointer(still)) {
      pix = leptonica.pixReadMemWebP(bytes, still.length);
    }
    if (pix == null) {
      throw new IIOException("libwebp cannot decode the frame");
    }
    try {
      int width = leptonica.pixGetWidth(pix);
      int height = leptonica.pixGetHeight(pix);
      if (width != frame.width() || height != frame.height()) {
        throw new IIOException("libwebp decodes another size than the frame header says");
      }
      // A pixel is a word: red in its highest byte, then green, blue and alpha.
      IntPointer words = leptonica.pixGetData(pix);
      int[] row = new int[width];
      byte[] pixels = new byte[Math.multiplyExact(width * height, stride)];
      for (int y = 0, o = 0; y < height; y++) {
        words.position((long) y * width).get(row);
        for (int word : row) {
          pixels[o++] = (byte) (word >> 24);
          pixels[o++] = (byte) (word >> 16);
          pixels[o++] = (byte) (word >> 8);
          if (stride == 4) {
            pixels[o++] = (byte) word;
          }
        }
      }
      return pixels;
    } finally {
      leptonica.pixDestroy(pix);
    }
  }
}
