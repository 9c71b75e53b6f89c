package io.glmimage.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.drew.imaging.png.PngMetadataReader;
import com.drew.metadata.Metadata;
import com.drew.metadata.Tag;
import java.io.ByteArrayInputStream;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;

class ImageEncoderTest {
  private static RgbImage noise(int height, int width) {
    byte[] pixels = new byte[height * width * 3];
    new Random(3).nextBytes(pixels);
    return new RgbImage(height, width, pixels);
  }

  @Test
  void decodesToTheSamePixels() {
    for (int[] size : new int[][] {{1, 1}, {1, 40}, {40, 1}, {67, 131}, {300, 200}}) {
      RgbImage image = noise(size[0], size[1]);
      RgbImage decoded = ImageDecoder.decode(ImageEncoder.png(image), "noise");
      assertEquals(image.height(), decoded.height());
      assertEquals(image.width(), decoded.width());
      assertArrayEquals(image.pixels(), decoded.pixels());
    }
  }

  @Test
  void sameInputGivesTheSameBytes() {
    RgbImage image = noise(50, 60);
    assertArrayEquals(
        ImageEncoder.png(image, Map.of("Seed", "7")), ImageEncoder.png(image, Map.of("Seed", "7")));
  }

  @Test
  void smoothImagesCompressWell() {
    byte[] pixels = new byte[256 * 256 * 3];
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = (byte) ((i / 3 % 256 + i / 768) / 2);
    }
    byte[] png = ImageEncoder.png(new RgbImage(256, 256, pixels));
    assertTrue(png.length < pixels.length / 20, png.length + " bytes");
  }

  @Test
  void readersFindTheTexts() throws Exception {
    Map<String, String> texts = new LinkedHashMap<>();
    texts.put("Prompt", "make the sky pink");
    texts.put("Title", "写着“你好”🚀");
    RgbImage image = noise(8, 9);
    byte[] png = ImageEncoder.png(image, texts);
    assertArrayEquals(image.pixels(), ImageDecoder.decode(png, "text").pixels());
    Metadata metadata = PngMetadataReader.readMetadata(new ByteArrayInputStream(png));
    String all =
        StreamSupport.stream(metadata.getDirectories().spliterator(), false)
            .flatMap(d -> d.getTags().stream())
            .map(Tag::getDescription)
            .collect(Collectors.joining("|"));
    assertTrue(all.contains("Prompt: make the sky pink"), all);
    assertTrue(all.contains("Title: 写着“你好”🚀"), all);
  }

  @Test
  void badKeywordsAreRefused() {
    for (String keyword : new String[] {"", " a", "a  b", "ключ", "a\n", "x".repeat(80)}) {
      assertThrows(
          IllegalArgumentException.class,
          () -> ImageEncoder.png(noise(1, 1), Map.of(keyword, "v")));
    }
  }
}
