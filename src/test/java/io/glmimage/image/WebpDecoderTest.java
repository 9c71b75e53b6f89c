package io.glmimage.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.InvalidRequestException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/** Pixels of all kinds of files are compared with Pillow's in {@link ImageDecoderTest}. */
class WebpDecoderTest {
  private static byte[] fixture(String name) throws IOException {
    return Files.readAllBytes(Path.of("src/test/resources/images", name));
  }

  @Test
  void theCanvasAroundTheFrameIsBlack() throws IOException {
    RgbImage image = ImageDecoder.decode(fixture("webp_animated_offset.webp"), "x");
    assertEquals(70, image.width());
    for (int y = 0; y < 60; y++) {
      for (int x = 0; x < 70; x++) {
        boolean inside = x >= 8 && x < 61 && y >= 6 && y < 43;
        int p = (y * 70 + x) * 3;
        if (!inside) {
          assertEquals(0, image.pixels()[p] | image.pixels()[p + 1] | image.pixels()[p + 2]);
        }
      }
    }
  }

  @Test
  void transparentPixelsKeepTheirColour() {
    // A lossless 1 x 1 image, written by libwebp with "exact": RGBA 200, 100, 50, 0.
    RgbImage image = ImageDecoder.decode(lossless(200, 100, 50, 0), "x");
    assertArrayEquals(new byte[] {(byte) 200, 100, 50}, image.pixels());
    assertArrayEquals(
        image.pixels(), ImageDecoder.decode(lossless(200, 100, 50, 255), "x").pixels());
  }

  /** One pixel: VP8L without transforms; each of the five prefix codes has one symbol. */
  private static byte[] lossless(int red, int green, int blue, int alpha) {
    Bits bits = new Bits();
    bits.put(0, 14).put(0, 14).put(1, 1).put(0, 3);
    // No transform, no colour cache, no meta prefix codes.
    bits.put(0, 1).put(0, 1).put(0, 1);
    for (int symbol : new int[] {green, red, blue, alpha, 0}) {
      // A simple code with one symbol of 8 bits.
      bits.put(1, 1).put(0, 1).put(1, 1).put(symbol, 8);
    }
    byte[] data = bits.bytes();
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    int chunk = 1 + data.length;
    out.writeBytes("RIFF".getBytes(StandardCharsets.US_ASCII));
    out.writeBytes(new byte[] {(byte) (12 + chunk + (chunk & 1)), 0, 0, 0});
    out.writeBytes("WEBPVP8L".getBytes(StandardCharsets.US_ASCII));
    out.writeBytes(new byte[] {(byte) chunk, 0, 0, 0, 0x2f});
    out.writeBytes(data);
    out.writeBytes(new byte[chunk & 1]);
    return out.toByteArray();
  }

  /** Collects bits, least significant first. */
  private static final class Bits {
    private final byte[] bytes = new byte[64];
    private int length;

    Bits put(int value, int count) {
      for (int i = 0; i < count; i++, length++) {
        bytes[length / 8] |= (byte) ((value >> i & 1) << length % 8);
      }
      return this;
    }

    byte[] bytes() {
      return Arrays.copyOf(bytes, (length + 7) / 8);
    }
  }

  @Test
  void aDamagedFrameIsRefusedWithAReason() throws IOException {
    byte[] file = fixture("webp_lossy.webp");
    // The frame tag: the first partition is longer than the frame.
    file[21] = (byte) 0xff;
    file[22] = (byte) 0xff;
    String message =
        assertThrows(InvalidRequestException.class, () -> ImageDecoder.decode(file, "a.webp"))
            .getMessage();
    assertEquals(
        "Cannot read image a.webp: the WebP file is damaged, truncated or of an unsupported kind"
            + " (libwebp cannot decode the frame)",
        message);
  }

  @Test
  void anyPrefixOfAFileIsRefused() throws IOException {
    for (String name : new String[] {"webp_lossy.webp", "webp_lossless.webp"}) {
      byte[] file = fixture(name);
      for (int length = 12; length < file.length - 1; length += 7) {
        byte[] cut = Arrays.copyOf(file, length);
        assertThrows(
            InvalidRequestException.class, () -> ImageDecoder.decode(cut, "x"), name + length);
      }
    }
  }

  @Test
  void theFrameSizeIsCheckedBeforeDecoding() {
    byte[] file = lossless(1, 2, 3, 4);
    // Width and height of 16384 pixels, in the bits after the signature.
    file[21] = (byte) 0xff;
    file[22] = (byte) 0xff;
    file[23] = (byte) 0xff;
    file[24] = 0x1f;
    String message =
        assertThrows(InvalidRequestException.class, () -> ImageDecoder.decode(file, "x"))
            .getMessage();
    assertTrue(message.contains("it has 16384 x 16384 pixels, more than the limit"), message);
  }

  @Test
  void severalThreadsDecodeAtTheSameTime() throws Exception {
    byte[] file = fixture("webp_lossy_even.webp");
    byte[] expected = ImageDecoder.decode(file, "x").pixels();
    ExecutorService threads = Executors.newFixedThreadPool(4);
    try {
      Callable<byte[]> decode = () -> ImageDecoder.decode(file, "x").pixels();
      List<Callable<byte[]>> tasks = Collections.nCopies(64, decode);
      for (Future<byte[]> result : threads.invokeAll(tasks)) {
        assertArrayEquals(expected, result.get());
      }
    } finally {
      threads.shutdownNow();
    }
  }
}
