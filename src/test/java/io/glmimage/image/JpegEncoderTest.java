package io.glmimage.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class JpegEncoderTest {
  private static RgbImage colour(int height, int width, int red, int green, int blue) {
    byte[] pixels = new byte[height * width * 3];
    for (int i = 0; i < pixels.length; i += 3) {
      pixels[i] = (byte) red;
      pixels[i + 1] = (byte) green;
      pixels[i + 2] = (byte) blue;
    }
    return new RgbImage(height, width, pixels);
  }

  @Test
  void coloursSurviveAtAwkwardSizes() {
    assertTrue(JpegEncoder.available());
    for (int[] size : new int[][] {{1, 1}, {7, 33}, {40, 9}}) {
      RgbImage image = colour(size[0], size[1], 200, 40, 90);
      RgbImage decoded = ImageDecoder.decode(JpegEncoder.jpeg(image, 95, Map.of()), "x");
      assertEquals(image.height(), decoded.height());
      assertEquals(image.width(), decoded.width());
      for (int i = 0; i < decoded.pixels().length; i++) {
        assertEquals(image.pixels()[i] & 255, decoded.pixels()[i] & 255, 3);
      }
    }
  }

  @Test
  void aHigherQualityGivesMoreBytes() {
    byte[] pixels = new byte[64 * 64 * 3];
    new Random(1).nextBytes(pixels);
    RgbImage noise = new RgbImage(64, 64, pixels);
    int low = JpegEncoder.jpeg(noise, 20, Map.of()).length;
    int middle = JpegEncoder.jpeg(noise, 70, Map.of()).length;
    int high = JpegEncoder.jpeg(noise, 100, Map.of()).length;
    assertTrue(low < middle && middle < high, low + ", " + middle + ", " + high);
  }

  @Test
  void textsFollowTheJfifSegmentAndChangeNothingElse() {
    RgbImage image = colour(16, 16, 1, 2, 3);
    byte[] plain = JpegEncoder.jpeg(image, 90, Map.of());
    byte[] named = JpegEncoder.jpeg(image, 90, Map.of("Description", "p"));
    int jfif = 4 + (((plain[4] & 255) << 8) | (plain[5] & 255));
    assertArrayEquals(Arrays.copyOf(plain, jfif), Arrays.copyOf(named, jfif));
    assertEquals(0xffe1, ((named[jfif] & 255) << 8) | (named[jfif + 1] & 255));
    assertEquals(
        "http://ns.adobe.com/xap/1.0/",
        new String(named, jfif + 4, 28, StandardCharsets.ISO_8859_1));
    int segment = 2 + (((named[jfif + 2] & 255) << 8) | (named[jfif + 3] & 255));
    assertEquals(plain.length, named.length - segment);
    assertArrayEquals(
        Arrays.copyOfRange(plain, jfif, plain.length),
        Arrays.copyOfRange(named, jfif + segment, named.length));
  }
}
