package io.glmimage.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ResamplerTest {
  @Test
  void theSameSizeIsNotResampled() {
    RgbImage image = new RgbImage(2, 2, new byte[12]);
    assertSame(image.pixels(), Resampler.lanczos(image, 2, 2).pixels());
  }

  @Test
  void aUniformImageKeepsItsColour() {
    byte[] pixels = new byte[17 * 23 * 3];
    Arrays.fill(pixels, (byte) 201);
    RgbImage image = new RgbImage(17, 23, pixels);
    for (int[] size : new int[][] {{1, 1}, {5, 90}, {100, 3}, {64, 64}}) {
      byte[] expected = new byte[size[0] * size[1] * 3];
      Arrays.fill(expected, (byte) 201);
      assertArrayEquals(expected, Resampler.lanczos(image, size[0], size[1]).pixels());
      assertArrayEquals(expected, Resampler.bicubic(image, size[0], size[1]).pixels());
      assertArrayEquals(expected, Resampler.bicubicTorch(image, size[0], size[1]).pixels());
    }
  }

  @Test
  void overshootIsClamped() {
    // Black to the left of white: at the edge, the filters overshoot below 0 and above 255.
    byte[] pixels = new byte[8 * 3];
    Arrays.fill(pixels, 12, 24, (byte) 255);
    RgbImage wide = Resampler.lanczos(new RgbImage(1, 8, pixels), 1, 64);
    assertEquals(0, wide.pixels()[26 * 3]);
    assertEquals((byte) 255, wide.pixels()[37 * 3]);
  }

  @Test
  void halvingAveragesAnEdgeSymmetrically() {
    // Black, white: the two halves are mirror images, and one pixel is their rounded mean.
    RgbImage edge = new RgbImage(1, 2, new byte[] {0, 0, 0, -1, -1, -1});
    for (RgbImage half :
        List.of(
            Resampler.lanczos(edge, 1, 1),
            Resampler.bicubic(edge, 1, 1),
            Resampler.bicubicTorch(edge, 1, 1))) {
      assertEquals(128, half.pixels()[0] & 255);
    }
    byte[] wide = Resampler.bicubic(edge, 1, 6).pixels();
    for (int x = 0; x < 6; x++) {
      assertEquals(255, (wide[3 * x] & 255) + (wide[3 * (5 - x)] & 255), 1);
    }
  }

  @Test
  void widthAndHeightAreResampledAlike() {
    byte[] row = new byte[9 * 3];
    new Random(4).nextBytes(row);
    byte[] wide = Resampler.lanczos(new RgbImage(1, 9, row), 1, 4).pixels();
    byte[] tall = Resampler.lanczos(new RgbImage(9, 1, row), 4, 1).pixels();
    assertArrayEquals(wide, tall);
  }

  @Test
  void channelsDoNotMix() {
    byte[] pixels = new byte[5 * 7 * 3];
    for (int i = 0; i < pixels.length; i += 3) {
      pixels[i] = (byte) (i * 7);
      pixels[i + 2] = 9;
    }
    byte[] resized = Resampler.lanczos(new RgbImage(5, 7, pixels), 11, 3).pixels();
    for (int i = 0; i < resized.length; i += 3) {
      assertEquals(0, resized[i + 1]);
      assertEquals(9, resized[i + 2]);
    }
  }

  @Test
  void sizesBelowOneAreRefused() {
    RgbImage image = new RgbImage(1, 1, new byte[3]);
    assertThrows(IllegalArgumentException.class, () -> Resampler.bicubic(image, 0, 5));
  }
}
