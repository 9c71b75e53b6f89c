package io.glmimage.weights;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SlicesTest {
  /** Two whole slices and a rest. */
  private static final int LENGTH = 2 * (1 << 20) + 12345;

  @TempDir Path folder;

  private final byte[] bytes = bytes();

  @Test
  void readsAllBytesFromAStreamThatReturnsFew() throws IOException {
    InputStream few =
        new ByteArrayInputStream(bytes) {
          @Override
          public synchronized int read(byte[] into, int at, int length) {
            return super.read(into, at, Math.min(length, 70_001));
          }
        };
    byte[] into = new byte[LENGTH + 7];

    assertEquals(LENGTH, Slices.read(few, into, 7, LENGTH));

    assertArrayEquals(bytes, Arrays.copyOfRange(into, 7, into.length));
  }

  @Test
  void aStreamThatEndsEarlyGivesFewerBytes() throws IOException {
    byte[] into = new byte[LENGTH + 100];

    assertEquals(LENGTH, Slices.read(new ByteArrayInputStream(bytes), into, 0, LENGTH + 100));

    assertArrayEquals(bytes, Arrays.copyOf(into, LENGTH));
  }

  @Test
  void writesAtAPositionAndLeavesTheRestOfTheFile() throws IOException {
    Path file = folder.resolve("file");
    Files.write(file, new byte[LENGTH]);
    int position = 1000;
    int length = LENGTH - 2000;
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      Slices.write(channel, position, bytes, 500, length);
    }

    byte[] expected = new byte[LENGTH];
    System.arraycopy(bytes, 500, expected, position, length);
    assertArrayEquals(expected, Files.readAllBytes(file));
  }

  private static byte[] bytes() {
    byte[] bytes = new byte[LENGTH];
    new Random(1).nextBytes(bytes);
    return bytes;
  }
}
