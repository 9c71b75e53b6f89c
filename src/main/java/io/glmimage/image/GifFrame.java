package io.glmimage.image;

import java.awt.image.BufferedImage;
import java.io.IOException;
import javax.imageio.IIOException;
import javax.imageio.ImageReader;
import javax.imageio.metadata.IIOMetadata;
import javax.imageio.metadata.IIOMetadataNode;
import org.w3c.dom.NodeList;

/**
 * The first frame of a GIF file and its place on the canvas. Format: GIF89a.
 *
 * @param width of the canvas in pixels
 * @param height of the canvas in pixels
 * @param left position of the frame on the canvas
 * @param top position of the frame on the canvas
 * @param fill index of the colour around the frame
 */
record GifFrame(int width, int height, int left, int top, int fill) {

  /**
   * @param file the whole file
   * @param reader set to this file, with metadata
   */
  static GifFrame of(byte[] file, ImageReader reader) throws IOException {
    IIOMetadata metadata = reader.getImageMetadata(0);
    IIOMetadataNode tree =
        (IIOMetadataNode) metadata.getAsTree(metadata.getNativeMetadataFormatName());
    IIOMetadataNode descriptor = first(tree, "ImageDescriptor");
    int left = descriptor == null ? 0 : number(descriptor, "imageLeftPosition");
    int top = descriptor == null ? 0 : number(descriptor, "imageTopPosition");
    IIOMetadataNode control = first(tree, "GraphicControlExtension");
    boolean transparent =
        control != null && control.getAttribute("transparentColorFlag").equalsIgnoreCase("TRUE");
    return new GifFrame(
        Math.max(little(file, 6), left + reader.getWidth(0)),
        Math.max(little(file, 8), top + reader.getHeight(0)),
        left,
        top,
        transparent ? number(control, "transparentColorIndex") : 0);
  }

  /** The size of the canvas, from the first 10 bytes of a file. */
  static PixelSize canvas(byte[] file) throws IIOException {
    if (file.length < 10) {
      throw new IIOException("it ends after " + file.length + " bytes, at least 10 are needed");
    }
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

  private static IIOMetadataNode first(IIOMetadataNode tree, String name) {
    NodeList found = tree.getElementsByTagName(name);
    return found.getLength() == 0 ? null : (IIOMetadataNode) found.item(0);
  }

  private static int number(IIOMetadataNode node, String attribute) {
    return Integer.parseInt(node.getAttribute(attribute));
  }

  private static int little(byte[] file, int at) {
    return (file[at] & 255) | (file[at + 1] & 255) << 8;
  }
}
