package io.glmimage.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class ResamplerTest {
  @Test
  void sameSizeIsLeftAlone() {
    RgbImage image = new RgbImage(2, 2, new byte[12]);
    assertSame(image.pixels(), Resampler.lanczos(image, 2, 2).pixels());
  }

  @Test
  void oneColourStaysThatColour() {
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
    // black | white: the filters swing below 0 and above 255 beside the edge
    byte[] pixels = new byte[8 * 3];
    Arrays.fill(pixels, 12, 24, (byte) 255);
    RgbImage wide = Resampler.lanczos(new RgbImage(1, 8, pixels), 1, 64);
    assertEquals(0, wide.pixels()[26 * 3]);
    assertEquals((byte) 255, wide.pixels()[37 * 3]);
  }

  @Test
  void sizesBelowOneAreRefused() {
    RgbImage image = new RgbImage(1, 1, new byte[3]);
    assertThrows(IllegalArgumentException.class, () -> Resampler.bicubic(image, 0, 5));
  }
}
