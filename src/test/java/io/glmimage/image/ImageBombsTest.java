package io.glmimage.image;

import static io.glmimage.image.PngParts.SIGNATURE;
import static io.glmimage.image.PngParts.chunk;
import static io.glmimage.image.PngParts.concat;
import static io.glmimage.image.PngParts.deflated;
import static io.glmimage.image.PngParts.header;
import static io.glmimage.image.PngParts.latin1;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import io.glmimage.error.InvalidRequestException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Small files that claim much: they fail, or are read, in bounded time and memory. */
@Timeout(value = 20, unit = TimeUnit.SECONDS)
class ImageBombsTest {
  private static final Path FOLDER = Path.of("src/test/resources/images");
  private static final int MEBIBYTE = 1 << 20;

  /** What the reading thread may allocate, besides three times the file. */
  private static final long MEMORY = 48L * MEBIBYTE;

  private static RgbImage decoded(byte[] file) {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long before = threads.getCurrentThreadAllocatedBytes();
    try {
      return ImageDecoder.decode(file, "bomb");
    } finally {
      long allocated = threads.getCurrentThreadAllocatedBytes() - before;
      assertTrue(allocated <= MEMORY + 3L * file.length, allocated + " bytes allocated");
    }
  }

  private static String message(byte[] file) {
    return assertThrows(InvalidRequestException.class, () -> decoded(file)).getMessage();
  }

  /** An 8-bit grey PNG. */
  private static byte[] png(int width, int height, byte[]... chunks) {
    return concat(SIGNATURE, header(width, height, false), concat(chunks));
  }

  private static byte[] pixels(int bytes) {
    return concat(chunk("IDAT", deflated(new byte[bytes], 9)), chunk("IEND", new byte[0]));
  }

  @Test
  void aPngOfHundredBytesCannotClaimHugeSides() {
    assertEquals(
        "Cannot read image bomb: it has 60000 x 60000 pixels, more than the limit of 178956970 in"
            + " all",
        message(png(60000, 60000, pixels(16))));
    assertTrue(
        message(png(13000, 13000, pixels(16)))
            .matches(".*its [0-9]+ bytes cannot hold 13000 x 13000 pixels.*"));
    assertTrue(message(png(-1, 5, pixels(16))).startsWith("Cannot read image bomb: "));
  }

  @Test
  void longSidesAreRead() {
    RgbImage image = decoded(png(20000, 10, pixels(10 * 20001)));
    assertEquals(20000, image.width());
    image = decoded(png(10, 20000, pixels(20000 * 11)));
    assertEquals(20000, image.height());
    assertTrue(message(png(20000, 20000, pixels(16))).contains("20000 x 20000 pixels, more than"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"iTXt", "zTXt", "iCCP", "tEXt"})
  void compressedTextsAreNotInflatedWithoutLimit(String kind) {
    byte[] bomb = deflated(new byte[400 * MEBIBYTE], 9);
    byte[] content =
        switch (kind) {
          case "iTXt" -> concat(latin1("XML:com.adobe.xmp\0\1\0\0\0"), bomb);
          case "zTXt" -> concat(latin1("Raw profile type exif\0\0"), bomb);
          case "iCCP" -> concat(latin1("profile\0\0"), bomb);
          default -> concat(latin1("Raw profile type exif\0\n\n"), new byte[8 * MEBIBYTE]);
        };
    byte[] file = png(4, 4, chunk(kind, content), pixels(20));
    assertEquals(4, decoded(file).width());
    assertEquals(new PixelSize(4, 4), ImageHeader.size(file, "bomb"));
  }

  @Test
  void pixelsBehindTheLastRowAreNotInflated() {
    assertEquals(4, decoded(png(4, 4, pixels(400 * MEBIBYTE))).width());
  }

  @Test
  void manyPngFramesAreSkipped() {
    byte[] control = new byte[26];
    byte[][] frames = new byte[40_000][];
    for (int i = 0; i < frames.length; i += 2) {
      frames[i] = chunk("fcTL", control);
      frames[i + 1] = chunk("fdAT", new byte[20]);
    }
    byte[] file = png(4, 4, chunk("acTL", new byte[8]), concat(frames), pixels(20), concat(frames));
    assertEquals(4, decoded(file).width());
  }

  private static final byte[] GIF_SCREEN =
      latin1("GIF89a\4\0\4\0\u0080\0\0\0\0\0\u00ff\u00ff\u00ff");
  private static final byte[] GIF_FRAME = latin1(",\0\0\0\0\4\0\4\0\0\2\4\u0084\u008f\t\5\0");

  private static byte[] gifBlocks(String start, int blocks) {
    byte[] block = new byte[256];
    block[0] = (byte) 255;
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(latin1(start));
    for (int i = 0; i < blocks; i++) {
      out.writeBytes(block);
    }
    out.write(0);
    return out.toByteArray();
  }

  @ParameterizedTest
  @ValueSource(strings = {"!\u00fe", "!\u00ff\u000bNETSCAPE2.0", "!\1", "!w"})
  void longGifExtensionsTakeLinearTime(String start) {
    byte[] file =
        concat(GIF_SCREEN, gifBlocks(start, 100_000), GIF_FRAME, gifBlocks(start, 10), latin1(";"));
    assertEquals(4, decoded(file).width());
  }

  @Test
  void manyGifFramesAreSkipped() {
    byte[][] frames = new byte[100_000][];
    Arrays.fill(frames, GIF_FRAME);
    assertEquals(4, decoded(concat(GIF_SCREEN, concat(frames), latin1(";"))).width());
  }

  @Test
  void aGifFrameFarOutsideItsCanvasIsRefused() {
    byte[] far = GIF_FRAME.clone();
    Arrays.fill(far, 1, 5, (byte) 0xff);
    assertTrue(
        message(concat(GIF_SCREEN, far, latin1(";"))).contains("65539 x 65539 pixels, more than"));
  }

  @Test
  void manyWebpFramesAreSkipped() throws IOException {
    byte[] file = Files.readAllBytes(FOLDER.resolve("webp_animated.webp"));
    byte[] later = Arrays.copyOfRange(file, 12 + 18 + 14, file.length);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(file);
    while (out.size() < 8 * MEBIBYTE) {
      out.writeBytes(later);
    }
    RgbImage expected = ImageDecoder.decode(file, "webp");
    RgbImage image = decoded(out.toByteArray());
    assertEquals(expected.width(), image.width());
  }

  @Test
  void aWebpFrameFarOutsideItsCanvasIsRefused() throws IOException {
    byte[] file = Files.readAllBytes(FOLDER.resolve("webp_animated_offset.webp"));
    int frame = new String(file, StandardCharsets.ISO_8859_1).indexOf("ANMF");
    Arrays.fill(file, frame + 8, frame + 14, (byte) 0xff);
    assertTrue(message(file).contains("pixels, more than the limit"));
  }

  /** A directory of tags; each tag is {@code {number, type, count, value}}. */
  private static byte[] directory(long next, long[]... tags) {
    ByteBuffer out = ByteBuffer.allocate(2 + 12 * tags.length + 4).order(ByteOrder.LITTLE_ENDIAN);
    out.putShort((short) tags.length);
    for (long[] tag : tags) {
      out.putShort((short) tag[0]).putShort((short) tag[1]).putInt((int) tag[2]);
      out.putInt((int) tag[3]);
    }
    return out.putInt((int) next).array();
  }

  private static final byte[] TIFF_HEADER = latin1("II*\0\u0008\0\0\0");

  /** The tags of a 4 x 4 grey image whose pixels start at {@code pixels}. */
  private static long[][] tags(long pixels, long[]... more) {
    long[][] all = {
      {256, 3, 1, 4},
      {257, 3, 1, 4},
      {258, 3, 1, 8},
      {259, 3, 1, 1},
      {262, 3, 1, 1},
      {273, 4, 1, pixels},
      {277, 3, 1, 1},
      {278, 3, 1, 4},
      {279, 4, 1, 16}
    };
    long[][] out = Arrays.copyOf(all, all.length + more.length);
    System.arraycopy(more, 0, out, all.length, more.length);
    Arrays.sort(out, (a, b) -> Long.compare(a[0], b[0]));
    return out;
  }

  private static void readOrRefused(byte[] file) {
    try {
      assertEquals(4, decoded(file).width());
    } catch (InvalidRequestException e) {
      assertTrue(e.getMessage().startsWith("Cannot read image bomb: the TIFF file is damaged"));
    }
  }

  @Test
  void tiffDirectoriesThatPointToThemselves() {
    byte[] pixels = new byte[16];
    int size = directory(0, tags(0)).length;
    readOrRefused(concat(TIFF_HEADER, directory(8, tags(8 + size)), pixels));
    int more = size + 12;
    for (int tag : new int[] {330, 34665, 34853, 40965}) {
      readOrRefused(
          concat(TIFF_HEADER, directory(8, tags(8 + more, new long[] {tag, 4, 1, 8})), pixels));
      readOrRefused(
          concat(TIFF_HEADER, directory(0, tags(8 + more, new long[] {tag, 4, 1, 8})), pixels));
    }
  }

  @Test
  void tiffChainsOfManyDirectories() {
    int size = directory(0, tags(0)).length;
    int count = 50_000;
    byte[][] all = new byte[count][];
    for (int i = 0; i < count; i++) {
      all[i] = directory(i + 1 < count ? 8 + (i + 1L) * size : 8, tags(8));
    }
    readOrRefused(concat(TIFF_HEADER, concat(all)));
  }

  @ParameterizedTest
  @ValueSource(ints = {256, 258, 273, 279, 700, 320, 330, 34665, 34675, 33432, 50000})
  void tiffTagsWithHugeCounts(int number) {
    for (long count : new long[] {0xffffffffL, 0x7fffffffL, 0x1fffffffL, 50_000_000, 0}) {
      for (int type = 1; type <= 13; type++) {
        long[][] tags = tags(200);
        boolean found = false;
        for (long[] tag : tags) {
          if (tag[0] == number) {
            tag[1] = type;
            tag[2] = count;
            found = true;
          }
        }
        if (!found) {
          tags = tags(200, new long[] {number, type, count, 8});
        }
        byte[] file = concat(TIFF_HEADER, directory(0, tags), new byte[200]);
        readOrRefused(file);
      }
    }
  }

  @Test
  void tiffWithManySamplesAPixel() {
    for (int samples : new int[] {0, 5, 1000, 65535}) {
      long[][] tags = tags(200);
      for (long[] tag : tags) {
        if (tag[0] == 277) {
          tag[3] = samples;
        }
        if (tag[0] == 256 || tag[0] == 257) {
          tag[3] = 4000;
        }
      }
      byte[] file = concat(TIFF_HEADER, directory(0, tags), new byte[200]);
      assertTrue(message(file).startsWith("Cannot read image bomb: "));
    }
  }

  /** Repeats all scans of a progressive file. */
  @Test
  void jpegWithThousandsOfScansIsRefused() throws IOException {
    byte[] file = Files.readAllBytes(FOLDER.resolve("jpeg_progressive.jpg"));
    String text = new String(file, StandardCharsets.ISO_8859_1);
    int first = text.indexOf("\u00ff\u00da");
    int last = text.lastIndexOf("\u00ff\u00d9");
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.write(file, 0, first);
    for (int i = 0; i < 1000; i++) {
      out.write(file, first, last - first);
    }
    out.write(file, last, file.length - last);
    assertTrue(message(out.toByteArray()).contains(" scans, expected at most 100"));
  }

  @Test
  void aJpegOfHundredBytesCannotClaimHugeSides() throws IOException {
    byte[] file = Files.readAllBytes(FOLDER.resolve("jpeg_progressive.jpg"));
    int frame = new String(file, StandardCharsets.ISO_8859_1).indexOf("\u00ff\u00c2");
    ByteBuffer.wrap(file).putShort(frame + 5, (short) 13000).putShort(frame + 7, (short) 13000);
    assertTrue(message(file).contains(" bytes cannot hold 13000 x 13000 pixels"));
  }

  @Test
  void exifDirectoriesThatPointToThemselves() throws IOException {
    byte[] file = Files.readAllBytes(FOLDER.resolve("jpeg_420.jpg"));
    RgbImage expected = ImageDecoder.decode(file, "jpeg");
    for (int tag : new int[] {330, 34665, 34853, 37500, 40965}) {
      byte[] exif =
          concat(
              latin1("Exif\0\0"),
              TIFF_HEADER,
              directory(8, new long[] {tag, 4, 1, 8}, new long[] {700, 7, 0x7fffffff, 8}));
      ByteBuffer segment = ByteBuffer.allocate(4 + exif.length);
      segment.putShort((short) 0xffe1).putShort((short) (2 + exif.length)).put(exif);
      byte[] bomb =
          concat(Arrays.copyOf(file, 2), segment.array(), Arrays.copyOfRange(file, 2, file.length));
      assertEquals(expected.height(), decoded(bomb).height());
    }
  }

  @Test
  void aBmpPaletteIsNotLargerThanTheFile() throws IOException {
    byte[] file = Files.readAllBytes(FOLDER.resolve("bmp_palette.bmp"));
    ByteBuffer.wrap(file)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putInt(10, 0x7fffffff)
        .putInt(46, 0x1fffffff);
    assertTrue(message(file).contains("its pixels start at byte 2147483647, the file has "));
  }
}
