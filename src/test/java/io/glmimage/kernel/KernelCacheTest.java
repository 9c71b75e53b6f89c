package io.glmimage.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KernelCacheTest {
  private static final byte[] CODE = {1, 2, 3, 4, 5};

  @TempDir Path folder;

  @Test
  void anEntryIsReadAsItWasWritten() {
    KernelCache cache = new KernelCache(folder.resolve("made/on/demand"));
    assertTrue(cache.read("a").isEmpty());
    cache.write("a", CODE);
    assertArrayEquals(CODE, cache.read("a").orElseThrow());
    cache.write("a", new byte[] {9});
    assertArrayEquals(new byte[] {9}, cache.read("a").orElseThrow());
    assertTrue(cache.read("b").isEmpty());
  }

  @Test
  void aDamagedEntryCountsAsMissing() throws Exception {
    KernelCache cache = new KernelCache(folder);
    cache.write("a", CODE);
    Path file = folder.resolve("a.bin");
    byte[] bytes = Files.readAllBytes(file);
    for (int cut = 0; cut < bytes.length; cut++) {
      Files.write(file, java.util.Arrays.copyOf(bytes, cut));
      assertTrue(cache.read("a").isEmpty(), "cut to " + cut);
    }
    bytes[bytes.length - 1] ^= 1;
    Files.write(file, bytes);
    assertTrue(cache.read("a").isEmpty());
  }

  @Test
  void aFolderThatCannotBeUsedIsNoError() throws Exception {
    Path file = Files.writeString(folder.resolve("file"), "in the way");
    KernelCache cache = new KernelCache(file.resolve("kernels"));
    cache.write("a", CODE);
    assertTrue(cache.read("a").isEmpty());
  }

  @Test
  void concurrentWritersLeaveOneWholeEntry() throws Exception {
    ExecutorService pool = Executors.newFixedThreadPool(8);
    try {
      List<Future<?>> writers = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        writers.add(
            pool.submit(
                () -> {
                  for (int j = 0; j < 50; j++) {
                    new KernelCache(folder).write("a", CODE);
                    assertArrayEquals(CODE, new KernelCache(folder).read("a").orElseThrow());
                  }
                }));
      }
      for (Future<?> writer : writers) {
        writer.get();
      }
    } finally {
      pool.shutdownNow();
    }
    try (Stream<Path> files = Files.list(folder)) {
      assertEquals(List.of("a.bin"), files.map(f -> f.getFileName().toString()).toList());
    }
  }

  @Test
  void keysDependOnWherePartsBegin() {
    assertEquals(KernelCache.key("ab", "c"), KernelCache.key("ab", "c"));
    assertNotEquals(KernelCache.key("ab", "c"), KernelCache.key("a", "bc"));
    assertNotEquals(KernelCache.key("ab", "c"), KernelCache.key("abc"));
  }
}
