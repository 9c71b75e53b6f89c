package io.glmimage.image;

import com.twelvemonkeys.imageio.stream.ByteArrayImageInputStream;
import io.glmimage.error.InvalidRequestException;
import java.io.IOException;
import java.util.Set;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStream;

/** Reads the header of an image without decoding its pixels and without native libraries. */
public final class ImageHeader {
  private ImageHeader() {}

  /**
   * What a header says.
   *
   * @param size of the upright image
   */
  public record Facts(PixelSize size, Set<SourceTrait> traits) {}

  /**
   * Reads a header. For most formats, the start of a file is enough for the size. Traits that show
   * later in the file are left out.
   *
   * @param bytes of the file, from its start
   * @param name of the image in messages
   * @throws InvalidRequestException as in {@link #size}
   */
  public static Facts read(byte[] bytes, String name) {
    return new Facts(
        size(bytes, name), SourceTraits.ofHeader(ImageDecoder.format(bytes, name), bytes, name));
  }

  /**
   * The size of the upright image. For most formats, the start of a file is enough.
   *
   * @param bytes of the file, from its start
   * @param name of the image in messages
   * @throws InvalidRequestException if the file is not an image, if its header is damaged, if the
   *     size needs more bytes, or if the image has more than {@link
   *     ImageDecoder#DEFAULT_MAX_PIXELS}
   */
  public static PixelSize size(byte[] bytes, String name) {
    ImageFormat format = ImageDecoder.format(bytes, name);
    try {
      PixelSize stored =
          switch (format) {
            case GIF -> GifFrame.size(bytes);
            case WEBP -> WebpFile.size(bytes);
            default -> fromReader(format, bytes);
          };
      ImageDecoder.checkSize(
          stored.width(), stored.height(), format, name, ImageDecoder.DEFAULT_MAX_PIXELS);
      return Orientation.of(bytes, format).isTurned()
          ? new PixelSize(/* height= */ stored.width(), /* width= */ stored.height())
          : stored;
    } catch (InvalidRequestException e) {
      throw e;
    } catch (IOException | RuntimeException e) {
      throw new InvalidRequestException(
          "Cannot read image "
              + name
              + ": the header of the "
              + format
              + " file is damaged, truncated or of an unsupported kind ("
              + (e.getMessage() == null ? e : e.getMessage())
              + ")",
          e);
    }
  }

  private static PixelSize fromReader(ImageFormat format, byte[] bytes) throws IOException {
    switch (format) {
      case TIFF -> TiffKind.check(bytes);
      case PNG -> PngChunks.checkHead(bytes);
      default -> {
        // Nothing that their readers would not find.
      }
    }
    ImageReader reader = ImageReaders.open(format);
    try (ImageInputStream input = new ByteArrayImageInputStream(bytes)) {
      reader.setInput(input, false, true);
      return new PixelSize(reader.getHeight(0), reader.getWidth(0));
    } finally {
      reader.dispose();
    }
  }
}
