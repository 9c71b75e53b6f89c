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
  void smallComponentsAreNotReadAhead() throws IOException {
    assertNull(ReadAhead.start(ranges(3)));
  }

  @Test
  void theWindowLimitsTheBytesThatAreNotYetTaken() throws Exception {
    ReadAhead reader = ReadAhead.of(ranges(10), 4 * BYTES);
    assertEquals(List.of("t0", "t1", "t2", "t3"), next(reader));
    assertEquals(4 * BYTES, reader.aheadBytes());
    reader.taken("t0");
    assertEquals(List.of("t4"), next(reader));
  }

  @Test
  void tensorsTakenBeforeTheirTurnAreNotRead() throws Exception {
    ReadAhead reader = ReadAhead.of(ranges(6), 4 * BYTES);
    reader.taken("t1");
    reader.taken("t4");
    assertEquals(List.of("t0", "t2", "t3", "t5"), next(reader));
    for (String tensor : List.of("t0", "t2", "t3", "t5", "t5")) {
      reader.taken(tensor);
    }
    assertEquals(0, reader.aheadBytes());
  }

  @Test
  void aPieceLargerThanTheWindowIsReadAlone() throws Exception {
    ReadAhead reader = ReadAhead.of(ranges(2), BYTES / 2);
    assertEquals(List.of("t0"), next(reader));
    reader.taken("t0");
    assertEquals(List.of("t1"), next(reader));
  }

  @Test
  void theThreadsReadEverythingThatFitsTheWindow() throws Exception {
    try (ReadAhead reader = ReadAhead.start(ranges(10), 0, 10 * BYTES)) {
      reader.join();
      assertEquals(10 * BYTES, reader.aheadBytes());
    }
  }

  @Test
  void aMissingFileEndsTheThreadsWithoutAnError() throws Exception {
    List<ReadAhead.Range> ranges = ranges(2);
    Files.delete(ranges.get(0).file());
    try (ReadAhead reader = ReadAhead.start(ranges, 0, BYTES)) {
      reader.taken("t0");
      reader.join();
      reader.taken("t1");
      assertEquals(0, reader.aheadBytes());
    }
  }

  @Test
  void closingEndsThreadsThatWaitForTheWindow() throws Exception {
    ReadAhead reader = ReadAhead.start(ranges(10), 0, BYTES);
    reader.close();
    reader.join();
  }

  /** The tensors that may be read now, in order. */
  private static List<String> next(ReadAhead reader) {
    List<String> tensors = new ArrayList<>();
    for (ReadAhead.Range piece = reader.tryTake(); piece != null; piece = reader.tryTake()) {
      tensors.add(piece.tensor());
    }
    return tensors;
  }

  private List<ReadAhead.Range> ranges(int count) throws IOException {
    Path file = Files.write(folder.resolve("weights"), new byte[count * BYTES]);
    List<ReadAhead.Range> ranges = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      ranges.add(new ReadAhead.Range("t" + i, file, (long) i * BYTES, BYTES));
    }
    return ranges;
  }
}
