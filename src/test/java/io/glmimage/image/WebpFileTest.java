package io.glmimage.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import javax.imageio.IIOException;
import org.junit.jupiter.api.Test;

class WebpFileTest {
  private static byte[] fixture(String name) throws IOException {
    return Files.readAllBytes(Path.of("src/test/resources/images", name));
  }

  /** A file with one chunk, whose size field may be wrong. */
  private static byte[] file(String kind, int size, int... content) {
    ByteBuffer out = ByteBuffer.allocate(20 + content.length).order(ByteOrder.LITTLE_ENDIAN);
    out.put("RIFF".getBytes(StandardCharsets.US_ASCII)).putInt(12 + content.length);
    out.put("WEBP".getBytes(StandardCharsets.US_ASCII));
    out.put(kind.getBytes(StandardCharsets.US_ASCII)).putInt(size);
    for (int b : content) {
      out.put((byte) b);
    }
    return out.array();
  }

  private static String message(byte[] file) {
    return assertThrows(IIOException.class, () -> WebpFile.of(file)).getMessage();
  }

  @Test
  void aStillImageIsItsOwnCanvas() throws IOException {
    for (String name : new String[] {"webp_lossy.webp", "webp_lossless.webp"}) {
      WebpFile webp = WebpFile.of(fixture(name));
      assertEquals(53, webp.width());
      assertEquals(37, webp.height());
      assertEquals(0, webp.frame().left());
      assertEquals(53, webp.frame().width());
    }
  }

  @Test
  void anAnimationHasACanvasAndAFrameOnIt() throws IOException {
    WebpFile webp = WebpFile.of(fixture("webp_animated_offset.webp"));
    assertEquals(70, webp.width());
    assertEquals(60, webp.height());
    assertEquals(8, webp.frame().left());
    assertEquals(6, webp.frame().top());
    assertEquals(53, webp.frame().width());
    assertEquals(37, webp.frame().height());
  }

  @Test
  void aFrameOutsideItsCanvasEnlargesTheCanvas() throws IOException {
    byte[] file = fixture("webp_animated_offset.webp");
    // Width and height of the canvas in the VP8X chunk, each less one.
    Arrays.fill(file, 24, 30, (byte) 0);
    WebpFile webp = WebpFile.of(file);
    assertEquals(8 + 53, webp.width());
    assertEquals(6 + 37, webp.height());
  }

  @Test
  void theCanvasNeedsTheFirstThirtyBytes() throws IOException {
    byte[] animated = fixture("webp_animated_offset.webp");
    assertEquals(new PixelSize(60, 70), WebpFile.size(Arrays.copyOf(animated, 30)));
    byte[] lossy = fixture("webp_lossy.webp");
    assertEquals(new PixelSize(37, 53), WebpFile.size(Arrays.copyOf(lossy, 30)));
    byte[] lossless = fixture("webp_lossless.webp");
    assertEquals(new PixelSize(37, 53), WebpFile.size(Arrays.copyOf(lossless, 25)));
    for (byte[] file : new byte[][] {animated, lossy}) {
      assertThrows(IIOException.class, () -> WebpFile.size(Arrays.copyOf(file, 29)));
    }
  }

  @Test
  void theStillImageHasOnlyTheFrameChunk() throws IOException {
    byte[] file = fixture("webp_lossy_alpha.webp");
    byte[] still = WebpFile.of(file).still(file, false);
    assertEquals("VP8 ", new String(still, 12, 4, StandardCharsets.ISO_8859_1));
    ByteBuffer sizes = ByteBuffer.wrap(still).order(ByteOrder.LITTLE_ENDIAN);
    assertEquals(still.length - 8, sizes.getInt(4));
    int chunk = sizes.getInt(16);
    assertEquals(still.length, 20 + chunk + (chunk & 1));
    byte[] plain = fixture("webp_lossy.webp");
    assertArrayEquals(plain, WebpFile.of(plain).still(plain, false));
  }

  @Test
  void badFramesAreNamed() {
    assertEquals("no frame", message(file("EXIF", 2, 1, 2)));
    assertEquals("no frame", message(file("EXIF", -1, 1, 2)));
    assertEquals("no frame", message(new byte[12]));
    assertEquals(
        "the lossy frame has no start code",
        message(file("VP8 ", 10, 0, 0, 0, 1, 2, 3, 4, 0, 4, 0)));
    assertEquals(
        "the frame has 0 x 4 pixels",
        message(file("VP8 ", 10, 0, 0, 0, 0x9d, 1, 0x2a, 0, 0, 4, 0)));
    assertEquals("the lossless frame has no signature", message(file("VP8L", 5, 0x2e, 0, 0, 0, 0)));
    assertEquals("it ends after 22 bytes, at least 30 are needed", message(file("VP8X", 10, 0, 0)));
  }

  @Test
  void aFrameSizeBeyondTheFileIsRefused() throws IOException {
    byte[] file = file("VP8L", 0x7fffffff, 0x2f, 1, 0, 0, 0);
    WebpFile webp = WebpFile.of(file);
    assertEquals(2, webp.width());
    String message = assertThrows(IIOException.class, () -> webp.still(file, false)).getMessage();
    assertTrue(message.startsWith("it ends after 25 bytes"), message);
  }
}
