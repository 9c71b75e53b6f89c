package io.glmimage.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.InvalidRequestException;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Arrays;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;

class MaskTest {
  /** A PNG of one line of pixels, as ARGB. */
  private static byte[] png(int type, int... pixels) throws IOException {
    BufferedImage image = new BufferedImage(pixels.length, 1, type);
    image.setRGB(0, 0, pixels.length, 1, pixels, 0, pixels.length);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ImageIO.write(image, "png", out);
    return out.toByteArray();
  }

  @Test
  void whitePixelsAreEdited() throws IOException {
    int[] pixels = {0xff000000, 0xffffffff, 0xff707070, 0xff909090};
    boolean[] expected = {false, true, false, true};
    for (int type :
        new int[] {
          BufferedImage.TYPE_INT_RGB, BufferedImage.TYPE_INT_ARGB, BufferedImage.TYPE_3BYTE_BGR
        }) {
      assertArrayEquals(expected, Mask.decode(png(type, pixels), "m", false).edited());
    }
    assertArrayEquals(
        new boolean[] {false, true},
        Mask.decode(png(BufferedImage.TYPE_BYTE_BINARY, 0xff000000, 0xffffffff), "m", false)
            .edited());
  }

  @Test
  void withTransparencyOpaquePixelsAreEditedOrTransparentOnes() throws IOException {
    byte[] file = png(BufferedImage.TYPE_INT_ARGB, 0xff000000, 0x00ffffff, 0x40ffffff, 0xc0000000);
    assertArrayEquals(
        new boolean[] {true, false, false, true}, Mask.decode(file, "m", false).edited());
    assertArrayEquals(
        new boolean[] {false, true, true, false}, Mask.decode(file, "m", true).edited());
    byte[] opaque = png(BufferedImage.TYPE_INT_RGB, 0xffffffff);
    assertTrue(
        assertThrows(InvalidRequestException.class, () -> Mask.decode(opaque, "m", true))
            .getMessage()
            .contains("Cannot use mask m: it has no transparent pixel"));
    byte[] cut = Arrays.copyOf(file, file.length / 2);
    assertThrows(InvalidRequestException.class, () -> Mask.decode(cut, "m", false));
  }

  @Test
  void aCellMayChangeIfAnyOfItsPixelsMay() {
    boolean[] edited = new boolean[6 * 6];
    edited[2 * 6 + 3] = true;
    Mask mask = new Mask(6, 6, edited);
    assertArrayEquals(new boolean[] {false, true, false, false}, mask.resized(2, 2).edited());
    boolean[] large = mask.resized(12, 12).edited();
    for (int y = 0; y < 12; y++) {
      for (int x = 0; x < 12; x++) {
        assertEquals(y / 2 == 2 && x / 2 == 3, large[y * 12 + x]);
      }
    }
  }

  @Test
  void pastingKeepsEveryPixelOutsideAndFeathersInside() {
    int side = 40;
    boolean[] edited = new boolean[side * side];
    for (int y = 10; y < 30; y++) {
      Arrays.fill(edited, y * side + 10, y * side + 30, true);
    }
    byte[] before = new byte[side * side * 3];
    byte[] after = new byte[side * side * 3];
    new java.util.Random(1).nextBytes(before);
    Arrays.fill(after, (byte) 200);
    byte[] out =
        new Mask(side, side, edited)
            .paste(new RgbImage(side, side, before), new RgbImage(side, side, after))
            .pixels();
    int mixed = 0;
    for (int i = 0; i < edited.length; i++) {
      for (int at = 3 * i; at < 3 * i + 3; at++) {
        if (!edited[i]) {
          assertEquals(before[at], out[at]);
        }
        mixed += edited[i] && out[at] != after[at] ? 1 : 0;
      }
    }
    assertEquals(after[3 * (20 * side + 20)], out[3 * (20 * side + 20)]);
    assertTrue(mixed > 500 && mixed <= 3 * (400 - 14 * 14), mixed + " values in the transition");
    // One pixel that may change does change.
    boolean[] one = new boolean[side * side];
    one[0] = true;
    assertEquals(
        after[0],
        new Mask(side, side, one)
            .paste(new RgbImage(side, side, before), new RgbImage(side, side, after))
            .pixels()[0]);
  }
}
