package io.glmimage.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.zip.Deflater;
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

  private static byte[] latin1(String text) {
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }

  /** A file of one chunk, which need not have pixels here. */
  private static byte[] png(String kind, byte[]... content) {
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    for (byte[] part : content) {
      body.writeBytes(part);
    }
    return ByteBuffer.allocate(20 + body.size())
        .put(latin1("\u0089PNG\r\n\u001a\n"))
        .putInt(body.size())
        .put(latin1(kind))
        .put(body.toByteArray())
        .array();
  }

  private static byte[] deflated(byte[] data) {
    Deflater deflater = new Deflater();
    deflater.setInput(data);
    deflater.finish();
    byte[] out = new byte[data.length + 100];
    int length = deflater.deflate(out);
    deflater.end();
    return Arrays.copyOf(out, length);
  }

  private static int ofPng(byte[] file) {
    return Orientation.of(file, ImageFormat.PNG).value();
  }

  @Test
  void exifOfAPngIsFoundInEveryForm() {
    byte[] exif = latin1("MM\0*\0\0\0\b\0\1\u0001\u0012\0\3\0\0\0\1\0\6\0\0\0\0\0\0");
    assertEquals(6, ofPng(png("eXIf", exif)));
    byte[] hex =
        latin1(
            "\nexif\n      32\n"
                + HexFormat.of().formatHex(latin1("Exif\0\0"))
                + "\n"
                + HexFormat.of().formatHex(exif)
                + "\n");
    assertEquals(6, ofPng(png("tEXt", latin1("Raw profile type exif\0"), hex)));
    assertEquals(6, ofPng(png("zTXt", latin1("Raw profile type exif\0\0"), deflated(hex))));
    assertEquals(1, ofPng(png("zTXt", latin1("Raw profile type exif\0\0"), hex)));
    assertEquals(1, ofPng(png("tEXt", latin1("Raw profile type exif\0\nexif\n1\nxyz"))));
  }

  @Test
  void xmpOfAPngIsFoundCompressedOrNot() {
    byte[] xmp = latin1("<x tiff:Orientation=\"8\"/>");
    assertEquals(8, ofPng(png("iTXt", latin1("XML:com.adobe.xmp\0\0\0\0\0"), xmp)));
    assertEquals(8, ofPng(png("iTXt", latin1("XML:com.adobe.xmp\0\1\0\0\0"), deflated(xmp))));
    assertEquals(1, ofPng(png("iTXt", latin1("XML:com.adobe.xmp\0\1\0\0\0"), xmp)));
    assertEquals(1, ofPng(png("iTXt", latin1("Comment\0\0\0\0\0"), xmp)));
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
