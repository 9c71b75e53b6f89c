package io.glmimage.image;

import com.twelvemonkeys.imageio.stream.ByteArrayImageInputStream;
import io.glmimage.error.InvalidRequestException;
import java.awt.Rectangle;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import javax.imageio.IIOException;
import javax.imageio.ImageReadParam;
import javax.imageio.ImageReader;
import javax.imageio.metadata.IIOMetadata;
import javax.imageio.metadata.IIOMetadataNode;
import javax.imageio.stream.ImageInputStream;
import org.w3c.dom.Node;
import org.w3c.dom.NodeList;

/**
 * Image files to 8-bit RGB: PNG, JPEG, WebP, BMP, TIFF and the first frame of GIF, recognised by
 * their first bytes, never by their name.
 *
 * <p>The values are those of Pillow's {@code convert("RGB")}: alpha is dropped, not blended;
 * palettes are resolved; 1, 2 and 4-bit grey is stretched to 0..255; of 16-bit samples the high
 * byte is kept; CMYK is multiplied out; embedded colour profiles are not applied. The first image
 * of a file is read.
 *
 * <p>The size in the header is checked before any pixel is decoded. No ImageIO plug-in is looked up
 * through the class path and no temporary file is written.
 *
 * <p>Everything that is wrong with the bytes is an {@link InvalidRequestException} that names the
 * image.
 */
public final class ImageDecoder {
  /** Above this, Pillow refuses an image as a decompression bomb. */
  public static final long DEFAULT_MAX_PIXELS = 178_956_970L;

  private static final String KNOWN = "PNG, JPEG, WebP, BMP, TIFF, GIF";

  private ImageDecoder() {}

  /**
   * Decodes and turns upright.
   *
   * @param name names the image in messages
   */
  public static RgbImage decode(byte[] bytes, String name) {
    return decode(bytes, name, DEFAULT_MAX_PIXELS);
  }

  /**
   * Decodes and turns upright as the EXIF orientation says (unreadable EXIF counts as none).
   *
   * @param name names the image in messages
   * @param maxPixels larger images are refused
   */
  public static RgbImage decode(byte[] bytes, String name, long maxPixels) {
    RgbImage stored = decodeStored(bytes, name, maxPixels);
    return Orientation.of(bytes, format(bytes, name)).apply(stored);
  }

  /** Decodes without looking at the EXIF orientation. */
  public static RgbImage decodeStored(byte[] bytes, String name, long maxPixels) {
    ImageFormat format = format(bytes, name);
    ImageReader reader;
    try {
      reader = ImageReaders.open(format);
    } catch (LinkageError e) {
      throw new IllegalStateException(
          "Cannot read image "
              + name
              + ": this Java runtime cannot load its library for "
              + format
              + " ("
              + e.getMessage()
              + "); install a full Java 17 runtime, and libjpeg for JPEG images",
          e);
    }
    List<String> warnings = new ArrayList<>();
    try (ImageInputStream input = new ByteArrayImageInputStream(bytes)) {
      // Metadata chunks are not needed (GIF's frame position is one) and may be damaged.
      reader.setInput(input, false, format != ImageFormat.GIF);
      reader.addIIOReadWarningListener((source, warning) -> warnings.add(warning));
      checkSize(reader.getWidth(0), reader.getHeight(0), format, name, maxPixels);
      RgbImage image =
          switch (format) {
            case JPEG -> JpegPixels.toRgb(bytes, reader.readRaster(0, null));
            case WEBP -> {
              WebpPixels webp = WebpPixels.of(bytes, reader);
              checkSize(webp.width(), webp.height(), format, name, maxPixels);
              yield webp.toRgb(bytes, reader);
            }
            case GIF -> firstFrame(reader, bytes, name, maxPixels);
            default -> {
              BufferedImage decoded = reader.read(0);
              yield RasterPixels.toRgb(decoded);
            }
          };
      checkComplete(warnings, format, name);
      return image;
    } catch (InvalidRequestException e) {
      throw e;
    } catch (IOException | RuntimeException e) {
      // Readers answer damaged files with all kinds of runtime exceptions.
      throw new InvalidRequestException(
          "Cannot read image "
              + name
              + ": the "
              + format
              + " file is damaged, cut off or of a kind that is not supported ("
              + reason(e)
              + ")",
          e);
    } finally {
      reader.dispose();
    }
  }

  private static String reason(Throwable e) {
    Throwable cause = e;
    while (cause instanceof IIOException && cause.getCause() != null) {
      cause = cause.getCause();
    }
    String message = cause.getMessage();
    String type = cause.getClass().getSimpleName();
    return message == null ? type : cause instanceof IOException ? message : type + ": " + message;
  }

  private static void checkSize(
      int width, int height, ImageFormat format, String name, long maxPixels) {
    if (width <= 0 || height <= 0) {
      throw new InvalidRequestException(
          "Cannot read image "
              + name
              + ": its "
              + format
              + " header says "
              + width
              + " x "
              + height
              + " pixels");
    }
    // An RGB picture must also fit into one Java array.
    long limit = Math.min(maxPixels, (Integer.MAX_VALUE - 8) / 3);
    if ((long) width * height > limit) {
      throw new InvalidRequestException(
          "Cannot read image "
              + name
              + ": it has "
              + width
              + " x "
              + height
              + " pixels, more than the limit of "
              + limit
              + " in all");
    }
  }

  /** JPEG readers go on with grey where data end early; that must not become a training picture. */
  private static void checkComplete(List<String> warnings, ImageFormat format, String name) {
    for (String warning : warnings) {
      String text = warning.toLowerCase(Locale.ROOT);
      if (text.contains("truncated")
          || text.contains("premature end")
          || text.contains("bad huffman")) {
        throw new InvalidRequestException(
            "Cannot read image "
                + name
                + ": the "
                + format
                + " file is damaged or cut off ("
                + warning
                + ")");
      }
    }
  }

  /**
   * The first frame on the animation's canvas. Where it does not cover the canvas, the rest has the
   * colour of the transparent index, else of index 0, as in Pillow.
   */
  private static RgbImage firstFrame(ImageReader reader, byte[] bytes, String name, long maxPixels)
      throws IOException {
    int canvasWidth = (bytes[6] & 255) | (bytes[7] & 255) << 8;
    int canvasHeight = (bytes[8] & 255) | (bytes[9] & 255) << 8;
    IIOMetadata metadata = reader.getImageMetadata(0);
    Node tree = metadata.getAsTree(metadata.getNativeMetadataFormatName());
    int left = attribute(tree, "ImageDescriptor", "imageLeftPosition", 0);
    int top = attribute(tree, "ImageDescriptor", "imageTopPosition", 0);
    int transparent = attribute(tree, "GraphicControlExtension", "transparentColorIndex", 0);
    int frameWidth = reader.getWidth(0);
    int frameHeight = reader.getHeight(0);
    int width = Math.max(canvasWidth, left + frameWidth);
    int height = Math.max(canvasHeight, top + frameHeight);
    checkSize(width, height, ImageFormat.GIF, name, maxPixels);
    BufferedImage frame = reader.read(0, new ImageReadParam());
    RgbImage rgb = RasterPixels.toRgb(frame);
    if (left == 0 && top == 0 && frameWidth == width && frameHeight == height) {
      return rgb;
    }
    int fill = frame.getColorModel().getRGB(transparent);
    byte[] out = new byte[width * height * 3];
    for (int i = 0; i < out.length; i += 3) {
      out[i] = (byte) (fill >> 16);
      out[i + 1] = (byte) (fill >> 8);
      out[i + 2] = (byte) fill;
    }
    Rectangle place = new Rectangle(left, top, frameWidth, frameHeight);
    for (int y = 0; y < place.height; y++) {
      System.arraycopy(
          rgb.pixels(),
          y * place.width * 3,
          out,
          ((y + place.y) * width + place.x) * 3,
          place.width * 3);
    }
    return new RgbImage(height, width, out);
  }

  private static int attribute(Node tree, String node, String attribute, int otherwise) {
    NodeList found = ((IIOMetadataNode) tree).getElementsByTagName(node);
    if (found.getLength() == 0) {
      return otherwise;
    }
    IIOMetadataNode element = (IIOMetadataNode) found.item(0);
    if (attribute.equals("transparentColorIndex")
        && !element.getAttribute("transparentColorFlag").equalsIgnoreCase("TRUE")) {
      return otherwise;
    }
    return Integer.parseInt(element.getAttribute(attribute));
  }

  private static ImageFormat format(byte[] bytes, String name) {
    if (bytes.length == 0) {
      throw new InvalidRequestException("Cannot read image " + name + ": the file is empty");
    }
    return ImageFormat.of(bytes)
        .orElseThrow(
            () ->
                new InvalidRequestException(
                    "Cannot read image "
                        + name
                        + ": not an image this program reads ("
                        + KNOWN
                        + "); "
                        + describe(bytes)));
  }

  private static String describe(byte[] bytes) {
    String start =
        new String(bytes, 0, Math.min(bytes.length, 64), StandardCharsets.ISO_8859_1)
            .toLowerCase(Locale.ROOT);
    String text = start.strip();
    if (text.startsWith("<!doctype html") || text.startsWith("<html")) {
      return "it is an HTML page";
    }
    if (text.startsWith("<svg") || text.startsWith("<?xml")) {
      return "it is an SVG or XML file";
    }
    if (start.startsWith("%pdf")) {
      return "it is a PDF file";
    }
    if (start.length() >= 12 && start.startsWith("ftyp", 4)) {
      return "it is a HEIC, AVIF or video file (\"" + start.substring(8, 12) + "\")";
    }
    StringBuilder hex = new StringBuilder();
    for (int i = 0; i < Math.min(8, bytes.length); i++) {
      hex.append(String.format(" %02x", bytes[i]));
    }
    return "its " + bytes.length + " bytes start with" + hex;
  }
}
