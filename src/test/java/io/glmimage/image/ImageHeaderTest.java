package io.glmimage.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.glmimage.error.InvalidRequestException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class ImageHeaderTest {
  private static final Path FOLDER = Path.of("src/test/resources/images");

  static List<String> fixtures() throws IOException {
    return ImageDecoderTest.fixtures();
  }

  @ParameterizedTest
  @MethodSource("fixtures")
  void givesTheSizeOfTheDecodedImage(String name) throws IOException {
    byte[] file = Files.readAllBytes(FOLDER.resolve(name));
    RgbImage decoded = ImageDecoder.decode(file, name);
    if (name.equals("gif_offset.gif")) {
      // The frame reaches beyond the canvas, which only decoding shows.
      return;
    }
    assertEquals(new PixelSize(decoded.height(), decoded.width()), ImageHeader.size(file, name));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "png_rgb.png",
        "webp_lossy.webp",
        "webp_lossless.webp",
        "webp_animated.webp",
        "bmp_rgb.bmp",
        "gif_animated.gif"
      })
  void theFirstBytesAreEnough(String name) throws IOException {
    byte[] file = Files.readAllBytes(FOLDER.resolve(name));
    assertEquals(new PixelSize(37, 53), ImageHeader.size(Arrays.copyOf(file, 64), name));
  }

  @Test
  void namesTheTypeOfAFileThatIsNotAnImage() {
    assertEquals(
        "Cannot read image a.png: not in a supported image format (PNG, JPEG, WebP, BMP, TIFF,"
            + " GIF); its 2 bytes start with 01 02",
        message(new byte[] {1, 2}));
    assertEquals("Cannot read image a.png: the file is empty", message(new byte[0]));
  }

  @Test
  void aHeaderThatEndsEarlyIsNamed() {
    assertEquals(
        "Cannot read image a.png: the header of the GIF file is damaged, truncated or of an"
            + " unsupported kind (it ends after 8 bytes, at least 10 are needed)",
        message(new byte[] {'G', 'I', 'F', '8', '9', 'a', 1, 0}));
  }

  private static String message(byte[] file) {
    return assertThrows(InvalidRequestException.class, () -> ImageHeader.size(file, "a.png"))
        .getMessage();
  }
}
