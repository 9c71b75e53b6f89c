package io.glmimage.weights;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReadAheadTest {
  private static final int BYTES = 1 << 20;

  @TempDir private Path folder;

  @Test
  void numbersInNamesCompareByValue() {
    assertTrue(
        ReadAhead.naturalKey("blocks.9.w").compareTo(ReadAhead.naturalKey("blocks.10.w")) < 0);
    assertTrue(ReadAhead.naturalKey("a").compareTo(ReadAhead.naturalKey("b.0")) < 0);
  }

  @Test
  void littleIsNotWorthAThread() throws IOException {
    assertNull(ReadAhead.start(ranges(3)));
  }

  @Test
  void readsNoFurtherThanTheWindowBeforeWhatWasTaken() throws Exception {
    List<ReadAhead.Range> ranges = ranges(10);
    try (ReadAhead reader = ReadAhead.start(ranges, 0, 4 * BYTES)) {
      await(reader, 4 * BYTES);
      Thread.sleep(50);
      assertEquals(4 * BYTES, reader.aheadBytes());
      // One that was not read yet, then all: nothing is left ahead, and no more than once counted.
      reader.taken("t9");
      reader.taken("t0");
      await(reader, 4 * BYTES);
      for (ReadAhead.Range range : ranges) {
        reader.taken(range.tensor());
        reader.taken(range.tensor());
      }
      await(reader, 0);
    }
  }

  @Test
  void aFileThatIsGoneIsLeftToWhoeverTakesTheTensor() throws Exception {
    List<ReadAhead.Range> ranges = ranges(2);
    Files.delete(ranges.get(0).file());
    try (ReadAhead reader = ReadAhead.start(ranges, 0, 8 * BYTES)) {
      reader.taken("t0");
      reader.taken("t1");
      await(reader, 0);
    }
  }

  private List<ReadAhead.Range> ranges(int count) throws IOException {
    Path file = Files.write(folder.resolve("weights"), new byte[count * BYTES]);
    List<ReadAhead.Range> ranges = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      ranges.add(new ReadAhead.Range("t" + i, file, (long) i * BYTES, BYTES));
    }
    return ranges;
  }

  private static void await(ReadAhead reader, long bytes) throws InterruptedException {
    for (int i = 0; i < 500 && reader.aheadBytes() != bytes; i++) {
      Thread.sleep(10);
    }
    assertEquals(bytes, reader.aheadBytes());
  }
}
