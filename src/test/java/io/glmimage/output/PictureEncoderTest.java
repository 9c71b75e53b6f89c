package io.glmimage.output;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.drew.imaging.ImageMetadataReader;
import com.drew.metadata.xmp.XmpDirectory;
import io.glmimage.error.UsageException;
import io.glmimage.image.ImageDecoder;
import io.glmimage.image.ImageHeader;
import io.glmimage.image.PixelSize;
import io.glmimage.image.RgbImage;
import io.glmimage.io.Redaction;
import io.glmimage.manifest.ManifestRow;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class PictureEncoderTest {
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

  private static byte[] encode(PictureFormat format, int quality, String prompt) {
    ManifestRow row =
        new ManifestRow(0, "r-1", prompt, List.of(), List.of(), null, null, 20, 1.5, 7);
    return new PictureEncoder(format, quality, "glm-image-spark 1")
        .encode(gradient(), row, "s3a://KEY:secret-secret@b/model", Redaction.ofPatterns());
  }

  @Test
  void pngKeepsPixelsAndSaysWhereItComesFrom() {
    byte[] png = encode(PictureFormat.PNG, 90, "mach es grün 😀");
    assertArrayEquals(gradient().pixels(), ImageDecoder.decode(png, "x").pixels());
    String text = new String(png, StandardCharsets.UTF_8);
    assertTrue(text.contains("mach es grün 😀"));
    assertTrue(text.contains("\"seed\":7,\"num_inference_steps\":20,\"guidance_scale\":1.5"));
    assertTrue(text.contains("glm-image-spark 1"));
    assertFalse(text.contains("secret-secret"));
    assertArrayEquals(png, encode(PictureFormat.PNG, 90, "mach es grün 😀"));
  }

  @Test
  void theStepCacheIsNamedWhereThereIsOne() {
    ManifestRow row =
        new ManifestRow(0, "r-1", "p", List.of(), List.of(), null, null, 20, 1.5, 7, 0.25);
    byte[] png =
        new PictureEncoder(PictureFormat.PNG, 90, "p")
            .encode(gradient(), row, "m", Redaction.ofPatterns());
    assertTrue(new String(png, StandardCharsets.UTF_8).contains("\"step_cache\":0.25"));
    byte[] without = encode(PictureFormat.PNG, 90, "p");
    assertFalse(new String(without, StandardCharsets.UTF_8).contains("step_cache"));
  }

  @Test
  void jpegIsCloseAndCarriesAnXmpPacket() throws Exception {
    byte[] jpeg = encode(PictureFormat.JPEG, 95, "a <b> & \"c\" 😀\u0001");
    assertArrayEquals(jpeg, encode(PictureFormat.JPEG, 95, "a <b> & \"c\" 😀\u0001"));
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
    assertTrue(jpeg.length < encode(PictureFormat.JPEG, 100, "p").length);
  }

  @Test
  void longPromptsFitIntoAJpegSegment() {
    byte[] jpeg = encode(PictureFormat.JPEG, 80, "😀&".repeat(50_000));
    assertEquals(60, ImageDecoder.decode(jpeg, "x").width());
    assertTrue(jpeg.length < 80_000);
  }

  @Test
  void headersGiveTheSizeWithoutTheRest() {
    for (PictureFormat format : PictureFormat.values()) {
      byte[] file = encode(format, 90, "p");
      byte[] start = java.util.Arrays.copyOf(file, file.length - 200);
      assertEquals(new PixelSize(40, 60), ImageHeader.size(start, "x"), format.name());
    }
    assertThrows(RuntimeException.class, () -> ImageHeader.size(new byte[] {1, 2}, "x"));
  }

  @Test
  void optionsSayWhatCannotBeWritten() {
    assertEquals(
        Packing.WEBDATASET, PictureOptions.of("webdataset", "jpeg", 90, 10, "url").packing());
    assertEquals(
        PictureFormat.JPEG, PictureOptions.of("webdataset", "jpeg", 90, 10, "url").format());
    assertEquals(PictureFormat.PNG, PictureOptions.of("parquet", null, 90, 10, "url").format());
    for (String[] bad :
        new String[][] {
          {"webp", null, "webp is read but"},
          {"gif", null, "gif, expected png"},
          {"png", "jpeg", "Invalid --image-format"}
        }) {
      String message =
          assertThrows(UsageException.class, () -> PictureOptions.of(bad[0], bad[1], 90, 10, "url"))
              .getMessage();
      assertTrue(message.contains(bad[2]), message);
    }
    assertThrows(UsageException.class, () -> PictureOptions.of("jpeg", null, 0, 10, "url"));
    assertThrows(UsageException.class, () -> PictureOptions.of("jpeg", null, 90, 0, "url"));
  }
}
