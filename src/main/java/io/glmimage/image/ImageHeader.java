package io.glmimage.image;

import com.twelvemonkeys.imageio.stream.ByteArrayImageInputStream;
import io.glmimage.error.InvalidRequestException;
import java.io.IOException;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStream;

/** What a picture's header says, without decoding its pixels. */
public final class ImageHeader {
  private ImageHeader() {}

  /**
   * The size of the upright picture. The start of a file will do for most formats.
   *
   * @param bytes of the file, from its start
   * @param name names the image in messages
   * @throws InvalidRequestException if this is no picture, or more of the file is needed to tell
   */
  public static PixelSize size(byte[] bytes, String name) {
    ImageFormat format =
        ImageFormat.of(bytes)
            .orElseThrow(
                () ->
                    new InvalidRequestException(
                        "Cannot read image " + name + ": not an image this program reads"));
    ImageReader reader = ImageReaders.open(format);
    try (ImageInputStream input = new ByteArrayImageInputStream(bytes)) {
      reader.setInput(input, false, true);
      PixelSize stored =
          format == ImageFormat.GIF
              ? new PixelSize(little(bytes, 8), little(bytes, 6))
              : new PixelSize(reader.getHeight(0), reader.getWidth(0));
      boolean turned = Orientation.of(bytes, format).value() >= 5;
      int height = turned ? stored.width() : stored.height();
      int width = turned ? stored.height() : stored.width();
      return new PixelSize(height, width);
    } catch (IOException | RuntimeException e) {
      throw new InvalidRequestException(
          "Cannot read image "
              + name
              + ": the header of the "
              + format
              + " file is damaged or cut off ("
              + (e.getMessage() == null ? e : e.getMessage())
              + ")",
          e);
    } finally {
      reader.dispose();
    }
  }

  private static int little(byte[] bytes, int at) {
    return (bytes[at] & 255) | (bytes[at + 1] & 255) << 8;
  }
}
