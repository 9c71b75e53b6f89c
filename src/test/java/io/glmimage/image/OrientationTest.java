package io.glmimage.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class OrientationTest {
  /** Stored as ABC above DEF; the letters are the red values. */
  private static RgbImage letters() {
    byte[] pixels = new byte[18];
    for (int i = 0; i < 6; i++) {
      pixels[3 * i] = (byte) ('A' + i);
      pixels[3 * i + 1] = (byte) i;
    }
    return new RgbImage(2, 3, pixels);
  }

  private static String text(RgbImage image) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < image.height() * image.width(); i++) {
      text.append(i > 0 && i % image.width() == 0 ? "/" : "");
      text.append((char) image.pixels()[3 * i]);
      assertEquals(image.pixels()[3 * i] - 'A', image.pixels()[3 * i + 1], "green moves too");
    }
    return text.toString();
  }

  @ParameterizedTest
  @CsvSource({
    "1,ABC/DEF", "2,CBA/FED", "3,FED/CBA", "4,DEF/ABC",
    "5,AD/BE/CF", "6,DA/EB/FC", "7,FC/EB/DA", "8,CF/BE/AD"
  })
  void turnsAsExifSays(int value, String upright) {
    assertEquals(upright, text(new Orientation(value).apply(letters())));
    assertEquals(value >= 5, new Orientation(value).isTurned());
  }

  @Test
  void anUprightImageIsNotCopied() {
    RgbImage image = letters();
    assertSame(image, new Orientation(1).apply(image));
  }

  @Test
  void unreadableMetadataCountsAsUpright() {
    byte[] jpeg =
        "\u00ff\u00d8\u00ff\u00e1\0 Exif\0\0no TIFF".getBytes(StandardCharsets.ISO_8859_1);
    assertEquals(1, Orientation.of(jpeg, ImageFormat.JPEG).value());
    assertEquals(1, Orientation.of(new byte[0], ImageFormat.PNG).value());
    assertEquals(1, Orientation.of(new byte[0], ImageFormat.GIF).value());
  }
}
