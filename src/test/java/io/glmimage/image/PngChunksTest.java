package io.glmimage.image;

import static io.glmimage.image.PngParts.SIGNATURE;
import static io.glmimage.image.PngParts.chunk;
import static io.glmimage.image.PngParts.concat;
import static io.glmimage.image.PngParts.deflated;
import static io.glmimage.image.PngParts.header;
import static io.glmimage.image.PngParts.latin1;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.glmimage.error.InvalidRequestException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.zip.Adler32;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Damaged PNG files are refused where Pillow 13.0.0 refuses them, and read where it reads them. */
class PngChunksTest {
  private static final Path FOLDER = Path.of("src/test/resources/images");
  private static final int HEADER_END = SIGNATURE.length + 12 + 13;
  private static final int SIDE = 16;

  /** A chunk whose checksum is wrong. */
  private static byte[] damaged(String kind, byte[] content) {
    byte[] chunk = chunk(kind, content);
    chunk[chunk.length - 1] ^= 0x5a;
    return chunk;
  }

  /** A grey image. */
  private static byte[] png(byte[]... chunks) {
    return concat(SIGNATURE, header(SIDE, SIDE, false), concat(chunks));
  }

  private static final byte[] END = chunk("IEND", new byte[0]);

  /** Rows of pixels that are their own positions, each with a filter in front; not compressed. */
  private static byte[] stream(int more) {
    byte[] rows = new byte[SIDE * (SIDE + 1) + more];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = (byte) (i % (SIDE + 1) == 0 ? 0 : i);
    }
    return deflated(rows, 0);
  }

  private static byte[] flipped(byte[] stream) {
    byte[] damaged = stream.clone();
    damaged[100] ^= 0x55;
    return damaged;
  }

  private static String message(byte[] file) {
    return assertThrows(InvalidRequestException.class, () -> ImageDecoder.decode(file, "a.png"))
        .getMessage();
  }

  private static String refusal(String kind) {
    return "Cannot read image a.png: the PNG file is damaged, truncated or of an unsupported kind"
        + " (the checksum of its "
        + kind
        + " chunk is wrong)";
  }

  private static void assertReadAsIntact(byte[] file) {
    assertArrayEquals(
        ImageDecoder.decode(png(chunk("IDAT", stream(0)), END), "intact").pixels(),
        ImageDecoder.decode(file, "a.png").pixels());
    assertEquals(new PixelSize(SIDE, SIDE), ImageHeader.size(file, "a.png"));
  }

  @ParameterizedTest
  @CsvSource({"png_rgb.png,IHDR", "png_palette.png,PLTE", "png_palette_transparent.png,tRNS"})
  void aFlippedByteInFrontOfThePixelsFailsDecoderHeaderAndMask(String name, String kind)
      throws IOException {
    byte[] file = Files.readAllBytes(FOLDER.resolve(name));
    int body = new String(file, StandardCharsets.ISO_8859_1).indexOf(kind) + 4;
    // The lowest byte of the width, or a value of a colour.
    file[body + 3] ^= 0x20;
    assertEquals(refusal(kind), message(file));
    String header =
        assertThrows(InvalidRequestException.class, () -> ImageHeader.size(file, "a.png"))
            .getMessage();
    assertEquals(refusal(kind).replace("the PNG file", "the header of the PNG file"), header);
    assertThrows(InvalidRequestException.class, () -> Mask.decode(file, "a.png", false));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"PLTE", "tRNS", "gAMA", "iCCP", "cICP", "eXIf", "iTXt", "tEXt", "tIME", "prVt"})
  void aWrongChecksumCountsInFrontOfThePixelsOnly(String kind) {
    byte[] content = latin1("a\0\0bcd");
    byte[] pixels = chunk("IDAT", stream(0));
    assertEquals(refusal(kind), message(png(damaged(kind, content), pixels, END)));
    assertReadAsIntact(png(pixels, damaged(kind, content), END));
  }

  @Test
  void aDamagedNameIsNotShown() {
    byte[] chunk = chunk("tRNS", new byte[2]);
    chunk[5] = 7;
    assertEquals(
        refusal("tRNS").replace("tRNS chunk", "chunk at byte 41"),
        message(png(chunk, chunk("IDAT", stream(0)), END)));
  }

  @Test
  void aMissingOrDamagedEndIsNoDamage() {
    byte[] pixels = chunk("IDAT", stream(0));
    assertReadAsIntact(png(pixels));
    assertReadAsIntact(png(pixels, damaged("IEND", new byte[0])));
    assertReadAsIntact(png(pixels, END, latin1("bytes behind the end")));
  }

  @Test
  void aChunkThatIsNotAllThereIsNotChecked() {
    byte[] file = png(chunk("iCCP", new byte[500]), chunk("IDAT", stream(0)), END);
    assertEquals(
        new PixelSize(SIDE, SIDE), ImageHeader.size(Arrays.copyOf(file, HEADER_END + 300), "a"));
    byte[] cut = Arrays.copyOf(file, HEADER_END + 8 + 500 + 2);
    assertEquals(new PixelSize(SIDE, SIDE), ImageHeader.size(cut, "a"));
  }

  @Test
  void pixelsWhoseOwnChecksumIsRightAreRead() {
    assertReadAsIntact(png(damaged("IDAT", stream(0)), END));
    byte[] part = stream(0);
    assertReadAsIntact(
        png(
            chunk("IDAT", Arrays.copyOf(part, 50)),
            damaged("IDAT", Arrays.copyOfRange(part, 50, part.length)),
            END));
    // Pillow needs no checksum of the stream, and looks at nothing behind the last row.
    assertReadAsIntact(png(damaged("IDAT", Arrays.copyOf(part, part.length - 4)), END));
    byte[] more = stream(1000);
    more[more.length - 1] ^= 1;
    assertReadAsIntact(png(damaged("IDAT", more), END));
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void damagedPixelsAreRefusedWhereverTheirChecksumLies(boolean apart) {
    byte[] stream = flipped(stream(0));
    int cut = apart ? stream.length - 4 : 50;
    byte[] file =
        png(
            damaged("IDAT", Arrays.copyOf(stream, cut)),
            chunk("IDAT", Arrays.copyOfRange(stream, cut, stream.length)),
            END);
    assertEquals(
        "Cannot read image a.png: the PNG file is damaged, truncated or of an unsupported kind ("
            + (apart ? "the checksums of its IDAT chunks are wrong: " : "")
            + "incorrect data check)",
        message(file));
  }

  @Test
  void damagedPixelsOfInterlacedImagesAreRefused() {
    // 16 x 16 pixels in seven passes of 2, 2, 2, 4, 4, 8 and 8 rows.
    byte[] stream = deflated(new byte[SIDE * SIDE + 30], 0);
    int end = stream.length - 4;
    byte[] pixels = Arrays.copyOf(stream, end);
    byte[] checksum = chunk("IDAT", Arrays.copyOfRange(stream, end, stream.length));
    byte[] whole =
        concat(SIGNATURE, header(SIDE, SIDE, true), damaged("IDAT", pixels), checksum, END);
    assertEquals(SIDE, ImageDecoder.decode(whole, "a.png").height());
    // The last pixel.
    pixels[end - 1] ^= 1;
    byte[] file =
        concat(SIGNATURE, header(SIDE, SIDE, true), damaged("IDAT", pixels), checksum, END);
    assertEquals(
        refusal("")
            .replaceAll(
                "\\(.*", "(the checksums of its IDAT chunks are wrong: incorrect data check)"),
        message(file));
  }

  @Test
  void theStreamOfTheTestsHasTheChecksumOfItsRows() {
    byte[] stream = stream(0);
    Adler32 adler = new Adler32();
    // After 2 bytes of header and 5 of a stored block.
    adler.update(stream, 7, SIDE * (SIDE + 1));
    assertEquals((int) adler.getValue(), ByteBuffer.wrap(stream).getInt(stream.length - 4));
  }
}
