package io.glmimage.image;

import javax.imageio.IIOException;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.leptonica.PIX;
import org.bytedeco.leptonica.global.leptonica;

/**
 * Reads WebP files with libwebp. The values are those of Pillow, which uses the same library.
 *
 * <p>libwebp gets the first frame as a still image without its alpha plane. This covers animated
 * files too, which its simple interface refuses.
 */
final class WebpDecoder {
  private WebpDecoder() {}

  /**
   * The first frame on its canvas, which is black where the frame does not cover it. Alpha is
   * dropped; transparent pixels keep their colour.
   *
   * @throws IIOException if the file is truncated or damaged
   * @throws IllegalStateException if libwebp cannot be loaded
   */
  static RgbImage toRgb(byte[] file, WebpFile webp) throws IIOException {
    WebpFile.Frame frame = webp.frame();
    byte[] canvas = new byte[webp.width() * webp.height() * 3];
    decode(webp.still(file), frame, canvas, webp.width());
    return new RgbImage(webp.height(), webp.width(), canvas);
  }

  /**
   * Decodes a still image into its place on the canvas.
   *
   * @param canvas {@code [rows, stride, 3]}
   */
  private static void decode(byte[] still, WebpFile.Frame frame, byte[] canvas, int stride)
      throws IIOException {
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
      for (int y = 0; y < height; y++) {
        words.position((long) y * width).get(row);
        int o = ((frame.top() + y) * stride + frame.left()) * 3;
        for (int word : row) {
          canvas[o++] = (byte) (word >> 24);
          canvas[o++] = (byte) (word >> 16);
          canvas[o++] = (byte) (word >> 8);
        }
      }
    } finally {
      leptonica.pixDestroy(pix);
    }
  }
}
