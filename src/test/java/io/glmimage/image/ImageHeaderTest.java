package io.glmimage.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.InvalidRequestException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.zip.CRC32;
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

  /** A fixture of 53 x 37 pixels whose header claims other sides. */
  private static byte[] claims(String name, int width, int height) throws IOException {
    byte[] file = Files.readAllBytes(FOLDER.resolve(name));
    ByteBuffer bytes = ByteBuffer.wrap(file);
    ByteBuffer little = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
    String text = new String(file, StandardCharsets.ISO_8859_1);
    switch (name.substring(name.lastIndexOf('.'))) {
      case ".png" -> {
        CRC32 crc = new CRC32();
        bytes.putInt(16, width).putInt(20, height);
        crc.update(file, 12, 17);
        bytes.putInt(29, (int) crc.getValue());
      }
      case ".jpg" -> {
        int frame = text.indexOf("\u00ff\u00c0");
        bytes.putShort(frame + 5, (short) height).putShort(frame + 7, (short) width);
      }
      case ".gif" -> little.putShort(6, (short) width).putShort(8, (short) height);
      case ".bmp" -> little.putInt(18, width).putInt(22, height);
      case ".webp" -> {
        // The canvas of an animation, less one, in three bytes each.
        int canvas = text.indexOf("VP8X") + 12;
        little.putShort(canvas, (short) (width - 1)).put(canvas + 2, (byte) 0);
        little.putShort(canvas + 3, (short) (height - 1)).put(canvas + 5, (byte) 0);
      }
      default -> {
        TiffTags tags = TiffTags.of(file);
        ByteBuffer tiff = ByteBuffer.wrap(file).order(tags.order());
        for (int tag : new int[] {256, 257}) {
          int side = tag == 256 ? width : height;
          TiffTags.Entry entry = tags.entries().get(tag);
          if (entry.type() == TiffTags.SHORT) {
            tiff.putShort(entry.at(), (short) side);
          } else {
            tiff.putInt(entry.at(), side);
          }
        }
      }
    }
    return file;
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "png_rgb.png",
        "jpeg_420.jpg",
        "gif_interlaced.gif",
        "bmp_rgb.bmp",
        "tiff_raw_rgba.tif",
        "webp_animated.webp"
      })
  void aSizeBeyondTheLimitIsRefusedAsByTheDecoder(String name) throws IOException {
    byte[] file = claims(name, 65_000, 64_000);
    String expected =
        "Cannot read image a.png: it has 65000 x 64000 pixels, more than the limit of 178956970"
            + " in all";
    assertEquals(expected, message(file));
    assertEquals(
        expected,
        assertThrows(InvalidRequestException.class, () -> ImageDecoder.decode(file, "a.png"))
            .getMessage());
    assertEquals(new PixelSize(13_000, 13_000), ImageHeader.size(claims(name, 13_000, 13_000), ""));
  }

  @Test
  void aFrameFarOutsideItsCanvasIsBeyondTheLimit() throws IOException {
    byte[] gif = Files.readAllBytes(FOLDER.resolve("gif_offset.gif"));
    int frame = 13 + (3 << ((gif[10] & 7) + 1));
    while (gif[frame] == '!') {
      frame += 2;
      while (gif[frame] != 0) {
        frame += 1 + (gif[frame] & 255);
      }
      frame++;
    }
    assertEquals(',', gif[frame]);
    Arrays.fill(gif, frame + 1, frame + 5, (byte) 0xff);
    byte[] webp = Files.readAllBytes(FOLDER.resolve("webp_animated_offset.webp"));
    int body = new String(webp, StandardCharsets.ISO_8859_1).indexOf("ANMF") + 8;
    Arrays.fill(webp, body, body + 6, (byte) 0xff);
    for (byte[] file : new byte[][] {gif, webp}) {
      String message = message(file);
      assertTrue(message.contains(" pixels, more than the limit of 178956970 in all"), message);
      assertEquals(
          message,
          assertThrows(InvalidRequestException.class, () -> ImageDecoder.decode(file, "a.png"))
              .getMessage());
    }
  }
}
