package io.glmimage.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class WebpEncoderTest {
  private static RgbImage noise(int height, int width) {
    byte[] pixels = new byte[height * width * 3];
    new Random(2).nextBytes(pixels);
    return new RgbImage(height, width, pixels);
  }

  private static List<String> chunks(byte[] file) {
    ByteBuffer in = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
    assertEquals(file.length - 8, in.getInt(4));
    List<String> kinds = new ArrayList<>();
    for (int p = 12; p < file.length; ) {
      kinds.add(new String(file, p, 4, StandardCharsets.ISO_8859_1));
      int size = in.getInt(p + 4);
      p += 8 + size + (size & 1);
      assertTrue(p <= file.length, "chunk sizes stay in the file");
    }
    return kinds;
  }

  @Test
  void textsDoNotChangeThePixels() {
    for (int[] size : new int[][] {{1, 1}, {17, 31}, {64, 48}}) {
      RgbImage image = noise(size[0], size[1]);
      byte[] plain = WebpEncoder.webp(image, 80, Map.of());
      assertEquals(List.of("VP8 "), chunks(plain));
      RgbImage decoded = ImageDecoder.decode(plain, "x");
      // Packets of an odd and an even number of bytes; chunks are padded to even ones.
      for (String text : new String[] {"p", "pp"}) {
        byte[] named = WebpEncoder.webp(image, 80, Map.of("Description", text));
        assertEquals(List.of("VP8X", "VP8 ", "XMP "), chunks(named));
        assertArrayEquals(decoded.pixels(), ImageDecoder.decode(named, "x").pixels());
        assertEquals(new PixelSize(size[0], size[1]), ImageHeader.size(named, "x"));
      }
    }
  }
}
