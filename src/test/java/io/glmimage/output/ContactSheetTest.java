package io.glmimage.output;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.image.RgbImage;
import java.util.List;
import org.junit.jupiter.api.Test;

class ContactSheetTest {
  private static RgbImage plain(int height, int width, int red, int green, int blue) {
    byte[] pixels = new byte[height * width * 3];
    for (int i = 0; i < pixels.length; i += 3) {
      pixels[i] = (byte) red;
      pixels[i + 1] = (byte) green;
      pixels[i + 2] = (byte) blue;
    }
    return new RgbImage(height, width, pixels);
  }

  private static int color(RgbImage image, int x, int y) {
    byte[] p = image.pixels();
    int at = (y * image.width() + x) * 3;
    return ((p[at] & 0xff) << 16) | ((p[at + 1] & 0xff) << 8) | (p[at + 2] & 0xff);
  }

  @Test
  void drawsTheSourceImageLeftAndTheEditedImageRight() {
    RgbImage sheet =
        ContactSheet.draw(
            List.of(
                new ContactSheet.Entry(
                    "a",
                    "make it blue",
                    "64 x 64",
                    plain(64, 64, 255, 0, 0),
                    null,
                    plain(32, 64, 0, 0, 255),
                    null)));
    assertEquals(0xff0000, color(sheet, 90, 30 + 80));
    assertEquals(0x0000ff, color(sheet, sheet.width() - 90, 30 + 80));
    // A wide image leaves its cell white above and below.
    assertEquals(0xffffff, color(sheet, sheet.width() - 90, 30 + 10));
  }

  @Test
  void failedRowsShowAnyMessage() {
    String message = "Cannot edit row x: " + "a/very/long/path/".repeat(100) + "\n\t ü 日本";
    RgbImage sheet =
        ContactSheet.draw(
            List.of(
                new ContactSheet.Entry("x", "", "", null, "(none)", null, message),
                new ContactSheet.Entry("y", "p ".repeat(500), "", null, "", null, null)));
    boolean red = false;
    for (int y = 30; y < 190; y++) {
      red |= color(sheet, sheet.width() - 170, y) == 0xb00020;
    }
    assertTrue(red);
    assertEquals(sheet.width(), ContactSheet.draw(List.of()).width());
  }
}
