package io.glmimage.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * What TIFF files say about their alpha. Expected colours: {@code convert("RGB")} of Pillow 13.0.0,
 * and these colours on white.
 */
class TiffAlphaTest {
  private static final int UNSPECIFIED = 0;
  private static final int ASSOCIATED = 1;
  private static final int UNASSOCIATED = 2;

  /** The tag is missing. */
  private static final int NONE = -1;

  /** The alpha of (200, 100, 50) is 128; the second pixel is transparent, and the third opaque. */
  private static final int[][] PIXELS = {{100, 50, 25, 128}, {10, 20, 30, 0}, {7, 8, 9, 255}};

  /**
   * A TIFF file of one row.
   *
   * @param big whether it is a BigTIFF file
   * @param bytes of a sample: 1 or 2
   * @param planes whether each sample has a strip of its own
   */
  private static byte[] tiff(ByteOrder order, boolean big, int bytes, boolean planes, int extra) {
    int strip = PIXELS.length * bytes * (planes ? 1 : 4);
    int count = planes ? 4 : 1;
    ByteBuffer file = ByteBuffer.allocate(1000).order(order);
    file.put(order == ByteOrder.LITTLE_ENDIAN ? new byte[] {'I', 'I'} : new byte[] {'M', 'M'});
    int values = 200;
    int directory = 400;
    if (big) {
      file.putShort((short) 43).putShort((short) 8).putShort((short) 0).putLong(directory);
    } else {
      file.putShort((short) 42).putInt(directory);
    }
    int pixels = 100;
    file.position(pixels);
    for (int i = 0; i < 4 * PIXELS.length; i++) {
      int sample = planes ? PIXELS[i % PIXELS.length][i / PIXELS.length] : PIXELS[i / 4][i % 4];
      if (bytes == 1) {
        file.put((byte) sample);
      } else {
        file.putShort((short) (sample * 257));
      }
    }
    file.position(values);
    for (int i = 0; i < 4; i++) {
      file.putShort((short) (8 * bytes));
    }
    for (int i = 0; i < 4; i++) {
      file.putInt(pixels + i * strip);
    }
    for (int i = 0; i < 4; i++) {
      file.putInt(strip);
    }
    int[][] tags = {
      {256, 4, 1, PIXELS.length},
      {257, 4, 1, 1},
      {258, 3, 4, values},
      {259, 4, 1, 1},
      {262, 4, 1, 2},
      {273, 4, count, planes ? values + 8 : pixels},
      {277, 4, 1, 4},
      {278, 4, 1, 1},
      {279, 4, count, planes ? values + 24 : strip},
      {284, 4, 1, planes ? 2 : 1},
      {338, 4, 1, extra}
    };
    int number = extra == NONE ? tags.length - 1 : tags.length;
    file.position(directory);
    if (big) {
      file.putLong(number);
    } else {
      file.putShort((short) number);
    }
    for (int i = 0; i < number; i++) {
      int[] tag = tags[i];
      file.putShort((short) tag[0]).putShort((short) tag[1]);
      if (big && tag[0] == 258) {
        // Four SHORT values fit into the tag.
        file.putLong(4);
        for (int k = 0; k < 4; k++) {
          file.putShort((short) (8 * bytes));
        }
      } else if (big) {
        file.putLong(tag[2]);
        int start = file.position();
        file.putInt(tag[3]);
        if (tag[2] > 1 && order == ByteOrder.BIG_ENDIAN) {
          file.putInt(start, 0).putInt(start + 4, tag[3]);
        }
        file.position(start + 8);
      } else {
        file.putInt(tag[2]).putInt(tag[3]);
      }
    }
    return file.array();
  }

  private static SourceImage read(byte[] file, String transparency) {
    return ImageDecoder.read(file, "a.tif", ColourRules.of("convert", transparency));
  }

  private static void assertPixels(byte[] file, String transparency, int... expected) {
    byte[] pixels = read(file, transparency).image().pixels();
    int[] found = new int[pixels.length];
    for (int i = 0; i < found.length; i++) {
      found[i] = pixels[i] & 255;
    }
    assertArrayEquals(expected, found);
  }

  @ParameterizedTest
  @CsvSource({
    "false,1,false",
    "false,2,false",
    "true,1,false",
    "true,2,false",
    "false,1,true",
    "true,1,true"
  })
  void coloursThatAreMultipliedByAlphaAreDividedByIt(boolean big, int bytes, boolean planes) {
    for (ByteOrder order : new ByteOrder[] {ByteOrder.LITTLE_ENDIAN, ByteOrder.BIG_ENDIAN}) {
      byte[] file = tiff(order, big, bytes, planes, ASSOCIATED);
      assertPixels(file, "drop", 199, 99, 49, 0, 0, 0, 7, 8, 9);
      assertPixels(file, "white", 227, 177, 152, 255, 255, 255, 7, 8, 9);
    }
  }

  @ParameterizedTest
  @CsvSource({"1", "2"})
  void otherColoursStayAsTheyAre(int bytes) {
    byte[] file = tiff(ByteOrder.LITTLE_ENDIAN, false, bytes, false, UNASSOCIATED);
    assertPixels(file, "drop", 100, 50, 25, 10, 20, 30, 7, 8, 9);
    assertPixels(file, "white", 177, 152, 140, 255, 255, 255, 7, 8, 9);
  }

  @ParameterizedTest
  @CsvSource({"1", "2"})
  void aSampleOfUnknownMeaningIsNotAlpha(int bytes) {
    byte[] file = tiff(ByteOrder.LITTLE_ENDIAN, false, bytes, false, UNSPECIFIED);
    assertPixels(file, "drop", 100, 50, 25, 10, 20, 30, 7, 8, 9);
    assertPixels(file, "white", 100, 50, 25, 10, 20, 30, 7, 8, 9);
    assertEquals(Set.of(), read(file, "white").traits());
  }

  @Test
  void aFourthSampleOfWhichNothingIsSaidIsAlpha() {
    byte[] file = tiff(ByteOrder.LITTLE_ENDIAN, false, 1, false, NONE);
    assertPixels(file, "white", 177, 152, 140, 255, 255, 255, 7, 8, 9);
    for (int extra : new int[] {NONE, ASSOCIATED, UNASSOCIATED}) {
      byte[] other = tiff(ByteOrder.LITTLE_ENDIAN, false, 1, false, extra);
      assertEquals(Set.of(SourceTrait.TRANSPARENCY), read(other, "drop").traits());
      assertEquals(Set.of(SourceTrait.TRANSPARENCY), ImageHeader.read(other, "a").traits());
    }
  }
}
