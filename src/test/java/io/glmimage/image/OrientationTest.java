package io.glmimage.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
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

  /** An EXIF block of one tag: the orientation, with its value in the tag or behind it. */
  private static byte[] exif(ByteOrder order, int type, int count, byte[] value) {
    boolean little = order == ByteOrder.LITTLE_ENDIAN;
    ByteBuffer block = ByteBuffer.allocate(26 + value.length).order(order);
    block.put(latin1(little ? "II" : "MM")).putShort((short) 42).putInt(8);
    block.putShort((short) 1).putShort((short) 0x112).putShort((short) type).putInt(count);
    if (value.length <= 4) {
      block.put(value);
    } else {
      block.putInt(26).position(26).put(value);
    }
    return block.array();
  }

  private static final byte[] XMP_8 =
      latin1("XML:com.adobe.xmp\0\0\0\0\0<x tiff:Orientation=\"8\"/>");

  private static byte[] withXmp(byte[] exif) {
    byte[] other = png("iTXt", XMP_8);
    byte[] file = png("eXIf", exif);
    byte[] both = Arrays.copyOf(file, file.length + other.length - 8);
    System.arraycopy(other, 8, both, file.length, other.length - 8);
    return both;
  }

  private static byte[] value(ByteOrder order, int type) {
    ByteBuffer value = ByteBuffer.allocate(8).order(order);
    switch (type) {
      case 1, 6, 7 -> value.put((byte) 6);
      case 2 -> value.put((byte) '6');
      case 3, 8 -> value.putShort((short) 6);
      case 5, 10 -> value.putInt(12).putInt(2);
      case 11 -> value.putFloat(6);
      case 12 -> value.putDouble(6);
      default -> value.putInt(6);
    }
    return Arrays.copyOf(value.array(), type == 5 || type == 10 || type == 12 ? 8 : 4);
  }

  /** As Pillow's {@code exif_transpose} does. */
  @ParameterizedTest
  @CsvSource({
    "1,1", "2,1", "3,6", "4,6", "5,6", "6,6", "7,1", "8,6", "9,6", "10,6", "11,6", "12,6", "13,6"
  })
  void numbersTurnAnImageAndBytesAndTextDoNot(int type, int expected) {
    for (ByteOrder order : new ByteOrder[] {ByteOrder.LITTLE_ENDIAN, ByteOrder.BIG_ENDIAN}) {
      byte[] exif = exif(order, type, 1, value(order, type));
      assertEquals(expected, ofPng(png("eXIf", exif)));
      // A tag that turns nothing still counts before XMP.
      assertEquals(expected, ofPng(withXmp(exif)));
    }
  }

  @Test
  void aTagWithoutValueLeavesTheOrientationToXmp() {
    ByteOrder order = ByteOrder.LITTLE_ENDIAN;
    assertEquals(8, ofPng(withXmp(exif(order, TiffTags.SHORT, 0, new byte[] {6, 0, 0, 0}))));
    assertEquals(8, ofPng(withXmp(exif(order, 99, 1, new byte[] {6, 0, 0, 0}))));
    assertEquals(6, ofPng(withXmp(exif(order, TiffTags.SHORT, 2, new byte[] {6, 0, 1, 0}))));
  }

  @Test
  void onlyWholeNumbersFromOneToEightTurn() {
    ByteOrder order = ByteOrder.BIG_ENDIAN;
    for (int value : new int[] {0, 9, -6, 0x10006}) {
      byte[] bytes = ByteBuffer.allocate(4).putInt(value).array();
      assertEquals(1, ofPng(withXmp(exif(order, TiffTags.LONG, 1, bytes))));
    }
    for (int below : new int[] {0, 10}) {
      byte[] bytes = ByteBuffer.allocate(8).putInt(65).putInt(below).array();
      assertEquals(1, ofPng(png("eXIf", exif(order, 5, 1, bytes))));
    }
  }

  @Test
  void theOrientationOfABigTiffIsItsTag() {
    ByteBuffer file = ByteBuffer.allocate(52).order(ByteOrder.LITTLE_ENDIAN);
    file.put(latin1("II")).putShort((short) 43).putShort((short) 8).putShort((short) 0);
    file.putLong(16).putLong(1).putShort((short) 0x112).putShort((short) 3).putLong(1);
    file.putShort((short) 6);
    assertEquals(6, Orientation.of(file.array(), ImageFormat.TIFF).value());
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
