package io.glmimage.output;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.drew.imaging.ImageMetadataReader;
import com.drew.metadata.xmp.XmpDirectory;
import io.glmimage.error.InvalidRequestException;
import io.glmimage.error.Redaction;
import io.glmimage.image.ImageDecoder;
import io.glmimage.image.ImageHeader;
import io.glmimage.image.PixelSize;
import io.glmimage.image.RgbImage;
import io.glmimage.image.WebpEncoder;
import io.glmimage.manifest.EditSettings;
import io.glmimage.manifest.ManifestRow;
import io.glmimage.request.Sizing;
import io.glmimage.request.Solver;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class EditedImageEncoderTest {
  private static RgbImage gradient() {
    byte[] pixels = new byte[40 * 60 * 3];
    for (int y = 0, i = 0; y < 40; y++) {
      for (int x = 0; x < 60; x++) {
        pixels[i++] = (byte) (x * 4);
        pixels[i++] = (byte) (y * 6);
        pixels[i++] = (byte) 80;
      }
    }
    return new RgbImage(40, 60, pixels);
  }

  private static ManifestRow row(String prompt, double stepCache) {
    return row(prompt, stepCache, Solver.EULER);
  }

  private static ManifestRow row(String prompt, double stepCache, Solver solver) {
    EditSettings settings =
        new EditSettings(null, null, 20, 1.5, 7, stepCache, solver, Sizing.DEFAULT);
    return new ManifestRow(0, "r-1", prompt, List.of(), List.of(), settings);
  }

  private static final byte[] NO_EXIF = {};

  private static byte[] encode(EditedImageFormat format, int quality, String prompt) {
    ManifestRow row = row(prompt, 0);
    return new EditedImageEncoder(format, quality, "glm-image-spark 1")
        .encode(
            gradient(), NO_EXIF, row, "s3a://KEY:secret-secret@b/model", Redaction.ofPatterns());
  }

  @Test
  void pngKeepsPixelsAndTellsHowItWasMade() {
    byte[] png = encode(EditedImageFormat.PNG, 90, "mach es grün 😀");
    assertArrayEquals(gradient().pixels(), ImageDecoder.decode(png, "x").pixels());
    String text = new String(png, StandardCharsets.UTF_8);
    assertTrue(text.contains("mach es grün 😀"));
    assertTrue(text.contains("\"seed\":7,\"num_inference_steps\":20,\"guidance_scale\":1.5"));
    assertTrue(text.contains("glm-image-spark 1"));
    assertFalse(text.contains("secret-secret"));
    assertArrayEquals(png, encode(EditedImageFormat.PNG, 90, "mach es grün 😀"));
  }

  @Test
  void theStepCacheIsNamedIfItIsUsed() {
    ManifestRow row = row("p", 0.25);
    byte[] png =
        new EditedImageEncoder(EditedImageFormat.PNG, 90, "p")
            .encode(gradient(), NO_EXIF, row, "m", Redaction.ofPatterns());
    assertTrue(new String(png, StandardCharsets.UTF_8).contains("\"step_cache\":0.25"));
    byte[] without = encode(EditedImageFormat.PNG, 90, "p");
    assertFalse(new String(without, StandardCharsets.UTF_8).contains("step_cache"));
  }

  @Test
  void theSolverIsNamedIfItIsNotTheDefault() {
    EditedImageEncoder encoder = new EditedImageEncoder(EditedImageFormat.PNG, 90, "p");
    for (Solver solver : Solver.values()) {
      byte[] png =
          encoder.encode(gradient(), NO_EXIF, row("p", 0, solver), "m", Redaction.ofPatterns());
      assertEquals(
          solver == Solver.MULTISTEP2,
          new String(png, StandardCharsets.UTF_8).contains("\"solver\":\"multistep2\""));
    }
  }

  @Test
  void jpegIsCloseAndCarriesAnXmpPacket() throws Exception {
    byte[] jpeg = encode(EditedImageFormat.JPEG, 95, "a <b> & \"c\" 😀\u0001");
    assertArrayEquals(jpeg, encode(EditedImageFormat.JPEG, 95, "a <b> & \"c\" 😀\u0001"));
    byte[] decoded = ImageDecoder.decode(jpeg, "x").pixels();
    for (int i = 0; i < decoded.length; i++) {
      assertEquals(gradient().pixels()[i] & 255, decoded[i] & 255, 16);
    }
    Map<String, String> xmp =
        ImageMetadataReader.readMetadata(new ByteArrayInputStream(jpeg))
            .getFirstDirectoryOfType(XmpDirectory.class)
            .getXmpProperties();
    assertEquals("a <b> & \"c\" 😀", xmp.get("dc:description[1]"));
    assertEquals("glm-image-spark 1", xmp.get("xmp:CreatorTool"));
    assertTrue(xmp.get("glm:Parameters").contains("\"id\":\"r-1\""), xmp.toString());
    assertTrue(jpeg.length < encode(EditedImageFormat.JPEG, 100, "p").length);
  }

  @Test
  void webpIsCloseAndCarriesAnXmpPacket() throws Exception {
    byte[] webp = encode(EditedImageFormat.WEBP, 95, "a <b> & \"c\" 😀\u0001");
    assertArrayEquals(webp, encode(EditedImageFormat.WEBP, 95, "a <b> & \"c\" 😀\u0001"));
    byte[] decoded = ImageDecoder.decode(webp, "x").pixels();
    for (int i = 0; i < decoded.length; i++) {
      assertEquals(gradient().pixels()[i] & 255, decoded[i] & 255, 16);
    }
    Map<String, String> xmp =
        ImageMetadataReader.readMetadata(new ByteArrayInputStream(webp))
            .getFirstDirectoryOfType(XmpDirectory.class)
            .getXmpProperties();
    assertEquals("a <b> & \"c\" 😀", xmp.get("dc:description[1]"));
    assertEquals("glm-image-spark 1", xmp.get("xmp:CreatorTool"));
    assertTrue(xmp.get("glm:Parameters").contains("\"seed\":7"), xmp.toString());
  }

  @Test
  void aHigherQualityOfWebpIsCloserAndLarger() {
    byte[][] files = {
      WebpEncoder.webp(noise(), 10, Map.of()),
      WebpEncoder.webp(noise(), 60, Map.of()),
      WebpEncoder.webp(noise(), 100, Map.of())
    };
    for (int i = 1; i < files.length; i++) {
      assertTrue(files[i].length > files[i - 1].length, i + ": " + files[i].length);
      assertTrue(squaredError(files[i]) < squaredError(files[i - 1]), "quality step " + i);
    }
  }

  @Test
  void anImageTooLongForWebpIsRefused() {
    RgbImage longest = new RgbImage(1, 16383, new byte[16383 * 3]);
    RgbImage decoded = ImageDecoder.decode(WebpEncoder.webp(longest, 80, Map.of()), "x");
    assertEquals(16383, decoded.width());
    RgbImage longer = new RgbImage(16384, 1, new byte[16384 * 3]);
    String message =
        assertThrows(
                InvalidRequestException.class, () -> WebpEncoder.webp(longer, 80, Map.of("a", "b")))
            .getMessage();
    assertTrue(message.contains("1 x 16384 pixels as WebP"), message);
  }

  private static RgbImage noise() {
    byte[] pixels = new byte[96 * 130 * 3];
    new Random(5).nextBytes(pixels);
    return new RgbImage(96, 130, pixels);
  }

  private static long squaredError(byte[] file) {
    byte[] decoded = ImageDecoder.decode(file, "x").pixels();
    byte[] expected = noise().pixels();
    long sum = 0;
    for (int i = 0; i < decoded.length; i++) {
      int difference = (decoded[i] & 255) - (expected[i] & 255);
      sum += (long) difference * difference;
    }
    return sum;
  }

  @Test
  void longPromptsFitIntoAJpegSegment() {
    byte[] jpeg = encode(EditedImageFormat.JPEG, 80, "😀&".repeat(50_000));
    assertEquals(60, ImageDecoder.decode(jpeg, "x").width());
    assertTrue(jpeg.length < 80_000);
  }

  @Test
  void theStartOfAFileGivesTheSize() {
    for (EditedImageFormat format : EditedImageFormat.values()) {
      byte[] file = encode(format, 90, "p");
      byte[] start = java.util.Arrays.copyOf(file, file.length - 200);
      assertEquals(new PixelSize(40, 60), ImageHeader.size(start, "x"), format.name());
    }
    assertThrows(RuntimeException.class, () -> ImageHeader.size(new byte[] {1, 2}, "x"));
  }
}
