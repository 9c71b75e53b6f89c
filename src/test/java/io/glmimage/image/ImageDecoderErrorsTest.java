package io.glmimage.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.InvalidRequestException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.TreeMap;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ImageDecoderErrorsTest {
  /** The TIFF tag of an ICC profile. */
  private static final int PROFILE = 34675;

  private static final Path FOLDER = Path.of("src/test/resources/images");

  private static String message(byte[] bytes) {
    return assertThrows(
            InvalidRequestException.class, () -> ImageDecoder.decode(bytes, "s3a://b/cat.png"))
        .getMessage();
  }

  /** The first box of an ISO media file, and the start of the next one. */
  private static byte[] brands(String first, String... others) {
    ByteBuffer file = ByteBuffer.allocate(64);
    file.putInt(16 + 4 * others.length).put(ascii("ftyp")).put(ascii(first)).putInt(0);
    for (String other : others) {
      file.put(ascii(other));
    }
    return file.putInt(30).put(ascii("metaavif")).array();
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  @Test
  void emptyFileIsNamed() {
    assertEquals("Cannot read image s3a://b/cat.png: the file is empty", message(new byte[0]));
  }

  @Test
  void otherFilesAreDescribed() {
    assertEquals(
        "Cannot read image s3a://b/cat.png: not in a supported image format (PNG, JPEG, WebP, BMP,"
            + " TIFF, GIF); it is an HTML page",
        message("<!DOCTYPE html><title>404".getBytes(StandardCharsets.UTF_8)));
    assertTrue(
        message(new byte[] {0, 0, 0, 24, 'f', 't', 'y', 'p', 'h', 'e', 'i', 'c'})
            .endsWith(
                "it is a HEIC file (\"heic\"); convert it first: heif-convert IN.heic OUT.png"));
    // The brands count, not the extension: here a PNG by its name.
    String heic = "it is a HEIC file (\"%s\"); convert it first: heif-convert IN.heic OUT.png";
    String avif = "it is an AVIF file (\"%s\"); convert it first: avifdec IN.avif OUT.png";
    assertTrue(message(brands("heic", "mif1", "heic")).endsWith(heic.formatted("heic")));
    assertTrue(message(brands("mif1", "heix", "miaf")).endsWith(heic.formatted("mif1")));
    assertTrue(message(brands("mif1")).endsWith(heic.formatted("mif1")));
    assertTrue(message(brands("avif", "mif1", "miaf")).endsWith(avif.formatted("avif")));
    assertTrue(message(brands("mif1", "miaf", "avif")).endsWith(avif.formatted("mif1")));
    assertTrue(message(brands("isom", "avc1")).endsWith("of the MP4 family (\"isom\")"));
    String jxl = "it is a JPEG XL file; convert it first: djxl IN.jxl OUT.png";
    assertTrue(message(new byte[] {-1, 10, 1, 2}).endsWith(jxl));
    assertTrue(message(new byte[] {0, 0, 0, 12, 'J', 'X', 'L', ' ', 13, 10}).endsWith(jxl));
    assertTrue(
        message(new byte[] {0, 0, 0, 12, 'j', 'P', ' ', ' ', 13, 10})
            .contains("it is a JPEG 2000 file; convert it first: opj_decompress"));
    assertTrue(
        message(ascii("version https://git-lfs.github.com/spec/v1\noid"))
            .endsWith("it is a pointer of Git LFS; fetch the image with git lfs pull"));
    assertTrue(message(ascii("\n {\"error\": 1}\n")).endsWith("it is text: {\"error\": 1}"));
    assertTrue(message(new byte[] {1, 2, 3}).endsWith("its 3 bytes start with 01 02 03"));
  }

  /** A TIFF file of 2 x 1 pixels of RGB with further tags of one value, as tag and value. */
  private static byte[] tiff(int... more) {
    int[][] tags = {
      {256, 2}, {257, 1}, {258, 8}, {259, 1}, {262, 2}, {273, 8}, {277, 3}, {278, 1}, {279, 6}
    };
    TreeMap<Integer, Integer> all = new TreeMap<>();
    for (int[] tag : tags) {
      all.put(tag[0], tag[1]);
    }
    for (int i = 0; i < more.length; i += 2) {
      all.put(more[i], more[i + 1]);
    }
    ByteBuffer file = ByteBuffer.allocate(16 + 2 + 12 * all.size() + 4);
    file.order(ByteOrder.LITTLE_ENDIAN).put(ascii("II*\0")).putInt(16);
    file.put(new byte[] {10, 20, 30, 40, 50, 60, 0, 0}).putShort((short) all.size());
    all.forEach(
        (tag, value) -> {
          // A profile has bytes, of which four fit here. All other values are whole numbers.
          boolean bytes = tag == PROFILE;
          file.putShort((short) (int) tag).putShort((short) (bytes ? 7 : 4));
          file.putInt(bytes ? 4 : 1).putInt(value);
        });
    return file.array();
  }

  @Test
  void previewsAndLabColoursInTiffAreRefusedByDecoderAndHeader() {
    assertEquals(10, ImageDecoder.decode(tiff(), "x").pixels()[0]);
    String preview = "its first image is only a preview, as in the raw files of cameras";
    for (byte[] file : new byte[][] {tiff(254, 1), tiff(50706, 0x104)}) {
      assertTrue(message(file).contains(preview), message(file));
      assertThrows(InvalidRequestException.class, () -> ImageHeader.size(file, "x"));
    }
    byte[] cr2 = tiff();
    cr2[8] = 'C';
    cr2[9] = 'R';
    assertTrue(message(cr2).contains(preview), message(cr2));
    assertTrue(message(tiff(262, 8)).contains("Lab colours; convert it to RGB"));
  }

  @Test
  void aDamagedProfileDoesNotFailATiff() {
    // Four bytes are no profile.
    SourceImage source = ImageDecoder.read(tiff(PROFILE, 1), "x", ColourRules.DEFAULT);
    assertArrayEquals(new byte[] {10, 20, 30, 40, 50, 60}, source.image().pixels());
    assertTrue(source.traits().contains(SourceTrait.UNUSABLE_PROFILE));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "png_rgb.png",
        "png_palette.png",
        "jpeg_420.jpg",
        "jpeg_progressive.jpg",
        "jpeg_cmyk.jpg",
        "webp_lossless.webp",
        "webp_lossy.webp",
        "bmp_rgb.bmp",
        "tiff_lzw.tif",
        "gif_animated.gif"
      })
  void truncatedFilesAreRefused(String name) throws IOException {
    byte[] file = Files.readAllBytes(FOLDER.resolve(name));
    // The first frame of the animation is in the first part of the file.
    int parts = name.equals("gif_animated.gif") ? 6 : 2;
    for (int length : new int[] {12, 30, file.length / parts}) {
      byte[] cut = Arrays.copyOf(file, length);
      String message = message(cut);
      assertTrue(message.startsWith("Cannot read image s3a://b/cat.png: "), message);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "png_rgb.png",
        "jpeg_420.jpg",
        "webp_lossless.webp",
        "webp_lossy.webp",
        "bmp_palette.bmp",
        "tiff_lzw.tif",
        "gif_animated.gif"
      })
  void damagedFilesCauseNoOtherException(String name) throws IOException {
    byte[] file = Files.readAllBytes(FOLDER.resolve(name));
    Random random = new Random(5);
    for (int k = 0; k < 60; k++) {
      byte[] damaged = file.clone();
      for (int i = 0; i < 4; i++) {
        damaged[12 + random.nextInt(file.length - 12)] = (byte) random.nextInt();
      }
      try {
        ImageDecoder.decode(damaged, name, 1_000_000);
      } catch (InvalidRequestException e) {
        assertTrue(e.getMessage().startsWith("Cannot read image " + name), e.getMessage());
      }
    }
  }

  @Test
  void hugeSizesAreRefusedFromTheHeader() {
    ByteBuffer png = ByteBuffer.allocate(45);
    png.put(new byte[] {(byte) 137, 'P', 'N', 'G', 13, 10, 26, 10}).putInt(13);
    byte[] header =
        ByteBuffer.allocate(17)
            .put("IHDR".getBytes(StandardCharsets.US_ASCII))
            .putInt(60_000)
            .putInt(50_000)
            .put(new byte[] {8, 2, 0, 0, 0})
            .array();
    CRC32 crc = new CRC32();
    crc.update(header);
    png.put(header).putInt((int) crc.getValue());
    assertEquals(
        "Cannot read image s3a://b/cat.png: it has 60000 x 50000 pixels, more than the limit of"
            + " 178956970 in all",
        message(png.array()));
  }

  @Test
  void theCallerSetsTheLimit() throws IOException {
    byte[] file = Files.readAllBytes(FOLDER.resolve("png_rgb.png"));
    assertEquals(37, ImageDecoder.decode(file, "a", 37 * 53).height());
    assertThrows(InvalidRequestException.class, () -> ImageDecoder.decode(file, "a", 37 * 53 - 1));
  }

  @Test
  void decodeStoredDoesNotTurn() throws IOException {
    byte[] file = Files.readAllBytes(FOLDER.resolve("jpeg_exif6.jpg"));
    RgbImage stored = ImageDecoder.decodeStored(file, "a", ImageDecoder.DEFAULT_MAX_PIXELS);
    RgbImage upright = ImageDecoder.decode(file, "a");
    assertEquals(stored.height(), upright.width());
    assertEquals(stored.width(), upright.height());
    // The top left corner of the stored image is the top right corner of the upright one.
    int corner = 3 * (upright.width() - 1);
    assertArrayEquals(
        Arrays.copyOf(stored.pixels(), 3),
        Arrays.copyOfRange(upright.pixels(), corner, corner + 3));
  }
}
