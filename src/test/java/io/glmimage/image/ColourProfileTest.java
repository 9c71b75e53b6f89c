package io.glmimage.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.UsageException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.InflaterInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Compares with sRGB values of Little CMS in floating point. make_colour_fixtures.py has written
 * the images and the values.
 */
class ColourProfileTest {
  private static final Path FOLDER = Path.of("src/test/resources/colours");
  private static final ColourRules IGNORE = ColourRules.of("ignore", "drop");
  private static final ColourRules WHITE = ColourRules.of("convert", "white");

  static List<String> profiled() throws IOException {
    return names(".rgb").filter(name -> !name.endsWith(".white")).toList();
  }

  static List<String> onWhite() throws IOException {
    return names(".white.rgb").toList();
  }

  private static Stream<String> names(String ending) throws IOException {
    try (Stream<Path> files = Files.list(FOLDER)) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> name.endsWith(ending))
          .map(name -> name.substring(0, name.length() - ending.length()))
          .sorted()
          .toList()
          .stream();
    }
  }

  private static byte[] file(String name) throws IOException {
    Path here = FOLDER.resolve(name);
    return Files.readAllBytes(
        Files.exists(here) ? here : FOLDER.resolveSibling("images").resolve(name));
  }

  private static RgbImage expected(String name) throws IOException {
    try (DataInputStream in =
        new DataInputStream(
            new InflaterInputStream(
                new ByteArrayInputStream(Files.readAllBytes(FOLDER.resolve(name)))))) {
      int height = in.readInt();
      int width = in.readInt();
      return new RgbImage(height, width, in.readAllBytes());
    }
  }

  /** Largest difference of a channel, and the part of channels that differ. */
  private record Difference(int largest, double part) {
    static Difference of(RgbImage expected, RgbImage actual) {
      assertEquals(expected.height(), actual.height(), "height");
      assertEquals(expected.width(), actual.width(), "width");
      int largest = 0;
      double differ = 0;
      for (int i = 0; i < expected.pixels().length; i++) {
        int error = Math.abs((expected.pixels()[i] & 255) - (actual.pixels()[i] & 255));
        largest = Math.max(largest, error);
        differ += error == 0 ? 0 : 1;
      }
      return new Difference(largest, differ / expected.pixels().length);
    }
  }

  private static SourceImage read(byte[] file, ColourRules rules) {
    return ImageDecoder.read(file, "test", rules);
  }

  @ParameterizedTest
  @MethodSource("profiled")
  void coloursAreConvertedToSrgb(String name) throws IOException {
    Difference difference =
        Difference.of(expected(name + ".rgb"), ImageDecoder.decode(file(name), name));
    System.out.printf(
        "colour %-28s largest %d, %.4f differ%n", name, difference.largest, difference.part);
    // Rounding: Little CMS converts 8 bits in integers here.
    assertTrue(difference.largest <= 1, () -> name + " " + difference);
  }

  @ParameterizedTest
  @MethodSource("profiled")
  void withoutConversionTheBytesAreThoseOfTheReference(String name) throws IOException {
    byte[] file = file(name);
    RgbImage stored = ImageDecoder.decodeStored(file, name, ImageDecoder.DEFAULT_MAX_PIXELS);
    assertArrayEquals(stored.pixels(), read(file, IGNORE).image().pixels());
    // Display P3 has the greys of sRGB.
    boolean changes = !name.matches(".*(srgb|key|alpha|grey_in_p3).*");
    assertEquals(
        changes, !Arrays.equals(stored.pixels(), ImageDecoder.decode(file, name).pixels()));
  }

  @ParameterizedTest
  @MethodSource("onWhite")
  void transparentPixelsShowTheBackground(String name) throws IOException {
    Difference difference =
        Difference.of(expected(name + ".white.rgb"), read(file(name), WHITE).image());
    assertTrue(difference.largest <= (name.contains("p3") ? 1 : 0), () -> name + " " + difference);
  }

  @ParameterizedTest
  @CsvSource({
    "jpeg_p3.jpg,PROFILE",
    "jpeg_adobe_r03.jpg,PROFILE",
    "png_cicp_p3.png,PROFILE",
    "tiff_cmyk.tif,PROFILE",
    "bmp_p3.bmp,PROFILE",
    "webp_p3.webp,PROFILE",
    "png_srgb_v2.png,",
    "png_srgb_v4.png,",
    "png_rgba_p3.png,PROFILE TRANSPARENCY",
    "png_rgb_key.png,TRANSPARENCY",
    "png_rgb.png,",
    "png_rgba.png,TRANSPARENCY",
    "png_grey_alpha.png,TRANSPARENCY",
    "png_palette_transparent.png,TRANSPARENCY",
    "gif_transparent.gif,TRANSPARENCY",
    "gif_offset.gif,",
    "gif_interlaced.gif,",
    "gif_animated.gif,MORE_FRAMES",
    "tiff_raw_rgba.tif,TRANSPARENCY",
    "tiff_lzw.tif,",
    "webp_lossy.webp,",
    "webp_lossless.webp,",
    "webp_lossless_alpha.webp,TRANSPARENCY",
    "webp_lossy_alpha.webp,TRANSPARENCY",
    "webp_animated.webp,MORE_FRAMES",
    "webp_animated_alpha.webp,MORE_FRAMES TRANSPARENCY",
    "bmp_rgba.bmp,",
    "bmp_alpha.bmp,TRANSPARENCY",
    "bmp_rgb.bmp,",
    "jpeg_cmyk.jpg,PROFILE",
  })
  void traitsAreFoundInTheHeaderAsInTheWholeFile(String name, String traits) throws IOException {
    Set<SourceTrait> expected = EnumSet.noneOf(SourceTrait.class);
    if (traits != null) {
      Stream.of(traits.split(" ", -1)).map(SourceTrait::valueOf).forEach(expected::add);
    }
    byte[] file = file(name);
    assertEquals(expected, read(file, ColourRules.DEFAULT).traits());
    assertEquals(expected, ImageHeader.read(file, name).traits());
  }

  /** JPEG files that hold the profile of a fixture in another way. */
  private static byte[] withSegments(byte[]... contents) throws IOException {
    byte[] jpeg = file("jpeg_p3.jpg");
    int[] place = new int[2];
    JpegSegments.visit(
        jpeg,
        (marker, body, end) -> {
          if (marker == 0xE2) {
            place[0] = body - 4;
            place[1] = end;
          }
        });
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.write(jpeg, 0, place[0]);
    for (byte[] content : contents) {
      int length = 2 + 12 + content.length;
      out.writeBytes(new byte[] {(byte) 0xFF, (byte) 0xE2, (byte) (length >> 8), (byte) length});
      out.writeBytes("ICC_PROFILE\0".getBytes(StandardCharsets.ISO_8859_1));
      out.writeBytes(content);
    }
    out.write(jpeg, place[1], jpeg.length - place[1]);
    return out.toByteArray();
  }

  private static byte[] p3() throws IOException {
    return MetadataBlocks.of(file("jpeg_p3.jpg"), ImageFormat.JPEG).profile();
  }

  private static byte[] part(int number, int count, byte[] profile, int from, int to) {
    byte[] part = new byte[2 + to - from];
    part[0] = (byte) number;
    part[1] = (byte) count;
    System.arraycopy(profile, from, part, 2, to - from);
    return part;
  }

  @Test
  void aProfileInSeveralSegmentsIsJoinedInTheOrderOfTheirNumbers() throws IOException {
    byte[] p3 = p3();
    byte[] two = part(2, 2, p3, 100, p3.length);
    RgbImage right = ImageDecoder.decode(file("jpeg_p3.jpg"), "one");
    byte[] joined = withSegments(two, part(1, 2, p3, 0, 100));
    assertArrayEquals(right.pixels(), ImageDecoder.decode(joined, "two").pixels());

    byte[] missing = withSegments(two);
    SourceImage read = read(missing, ColourRules.DEFAULT);
    assertEquals(Set.of(SourceTrait.UNUSABLE_PROFILE), read.traits());
    assertArrayEquals(read(missing, IGNORE).image().pixels(), read.image().pixels());
  }

  static List<byte[]> damaged() throws IOException {
    byte[] p3 = p3();
    byte[] noSignature = p3.clone();
    noSignature[36] = 'x';
    byte[] otherSpace = p3.clone();
    otherSpace[16] = 'C';
    otherSpace[17] = 'M';
    otherSpace[18] = 'Y';
    otherSpace[19] = 'K';
    byte[] link = p3.clone();
    System.arraycopy("link".getBytes(StandardCharsets.ISO_8859_1), 0, link, 12, 4);
    byte[] manyTags = p3.clone();
    Arrays.fill(manyTags, 128, 132, (byte) 0x7f);
    byte[] farTag = p3.clone();
    Arrays.fill(farTag, 136, 140, (byte) 0xff);
    byte[] noCurves = p3.clone();
    for (int tag = 132; tag < 132 + 12 * p3[131]; tag += 12) {
      noCurves[tag + 3] = 'X';
    }
    byte[] noCurveType = p3.clone();
    for (int i = 128; i < p3.length - 4; i++) {
      if (new String(p3, i, 4, StandardCharsets.ISO_8859_1).equals("para")) {
        noCurveType[i] = 'x';
      }
    }
    byte[] grey = MetadataBlocks.of(file("jpeg_grey_gamma18.jpg"), ImageFormat.JPEG).profile();
    return List.of(
        new byte[0],
        new byte[1],
        Arrays.copyOf(p3, 100),
        Arrays.copyOf(p3, p3.length - 50),
        new byte[500],
        noSignature,
        otherSpace,
        link,
        manyTags,
        farTag,
        noCurves,
        noCurveType,
        grey);
  }

  @ParameterizedTest
  @MethodSource("damaged")
  void aProfileThatCannotBeUsedIsIgnoredAndReported(byte[] profile) throws IOException {
    byte[] file = withSegments(part(1, 1, profile, 0, profile.length));
    SourceImage read = read(file, ColourRules.DEFAULT);
    assertEquals(Set.of(SourceTrait.UNUSABLE_PROFILE), read.traits());
    assertEquals(read.traits(), ImageHeader.read(file, "test").traits());
    assertArrayEquals(read(file, IGNORE).image().pixels(), read.image().pixels());
  }

  @Test
  void bytesBehindAProfileAreLeftOut() throws IOException {
    byte[] p3 = p3();
    byte[] longer = Arrays.copyOf(p3, p3.length + 300);
    byte[] file = withSegments(part(1, 1, longer, 0, longer.length));
    assertArrayEquals(
        ImageDecoder.decode(file("jpeg_p3.jpg"), "plain").pixels(),
        ImageDecoder.decode(file, "longer").pixels());
  }

  @Test
  void colourSpacesOfHdrFilesAreReportedAndNotConverted() throws IOException {
    byte[] file = file("png_cicp_p3.png").clone();
    int at = new String(file, StandardCharsets.ISO_8859_1).indexOf("cICP");
    // BT.2020 with the curve PQ.
    file[at + 4] = 9;
    file[at + 5] = 16;
    CRC32 crc = new CRC32();
    crc.update(file, at, 8);
    for (int i = 0; i < 4; i++) {
      file[at + 8 + i] = (byte) (crc.getValue() >> (24 - 8 * i));
    }
    SourceImage read = read(file, ColourRules.DEFAULT);
    assertEquals(Set.of(SourceTrait.UNUSABLE_PROFILE), read.traits());
    assertArrayEquals(read(file, IGNORE).image().pixels(), read.image().pixels());
    // sRGB: nothing to do.
    file[at + 4] = 1;
    file[at + 5] = 13;
    assertEquals(Set.of(), SourceTraits.ofHeader(ImageFormat.PNG, file, "test"));
  }

  @Test
  void severalThreadsConvertWithOneProfile() throws Exception {
    byte[] file = file("jpeg_p3.jpg");
    byte[] wide = file("png_prophoto16.png");
    byte[] right = ImageDecoder.decode(file, "p3").pixels();
    byte[] rightWide = ImageDecoder.decode(wide, "wide").pixels();
    ExecutorService threads = Executors.newFixedThreadPool(4);
    try {
      List<Future<Boolean>> all =
          Stream.generate(
                  () ->
                      threads.submit(
                          () ->
                              Arrays.equals(right, ImageDecoder.decode(file, "p3").pixels())
                                  && Arrays.equals(
                                      rightWide, ImageDecoder.decode(wide, "wide").pixels())))
              .limit(100)
              .toList();
      for (Future<Boolean> one : all) {
        assertTrue(one.get());
      }
    } finally {
      threads.shutdownNow();
    }
  }

  @Test
  void rulesAreReadFromTheCommandLine() {
    assertEquals(ColourRules.DEFAULT, ColourRules.of("convert", "drop"));
    assertEquals(new ColourRules(false, 0xff8000), ColourRules.of("IGNORE", "#FF8000"));
    assertEquals(0xffffff, ColourRules.of("convert", "White").background());
    assertEquals(0, ColourRules.of("convert", "black").background());
    assertEquals("", IGNORE.fingerprint());
    assertFalse(ColourRules.DEFAULT.fingerprint().equals(WHITE.fingerprint()));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "red-ish", "#fff", "#12345g", "ffffff", "0"})
  void unknownBackgroundsAreRefused(String colour) {
    String message =
        assertThrows(UsageException.class, () -> ColourRules.of("convert", colour)).getMessage();
    assertTrue(
        message.startsWith("Invalid --transparency: " + colour + ", expected drop"), message);
    assertThrows(UsageException.class, () -> ColourRules.of("srgb", "drop"));
  }
}
