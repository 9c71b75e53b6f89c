package io.glmimage.weights;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.bench.SyntheticCheckpoint;
import io.glmimage.error.WeightsException;
import io.glmimage.io.LocalFileSource;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntConsumer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("broadcast")
class WeightsCacheTest extends CacheFixtureTests {
  @Test
  void receivesAndReusesAnEntry() throws Exception {
    WeightsCache cache = fixture.cache();
    CheckpointListing listing = fixture.listing();
    String digest;
    try (CachedWeights first = cache.obtain(listing, WeightsCache.Check.QUICK, fixture.feed())) {
      assertFalse(first.reused());
      fixture.requireSameFiles(first.folder());
      digest = first.digest();
    }
    try (CachedWeights again =
        cache.obtain(listing, WeightsCache.Check.FULL, CacheFixture.NOTHING)) {
      assertTrue(again.reused());
      assertEquals(digest, again.digest());
    }
    assertEquals(List.of(), fixture.partials());
  }

  @Test
  void theSameContentElsewhereIsOneEntry() throws Exception {
    Path copy = Files.createDirectory(temporary.resolve("copy"));
    SyntheticCheckpoint.write(copy, 20 * CacheFixture.MIB + 5, 1);
    WeightsCache cache = fixture.cache();
    CheckpointListing a = fixture.listing();
    CheckpointListing b = CacheFixture.listing(copy);
    assertNotEquals(a.version(), b.version());
    try (CachedWeights one = cache.obtain(a, WeightsCache.Check.QUICK, fixture.feed());
        CachedWeights two = cache.obtain(b, WeightsCache.Check.QUICK, CacheFixture.feed(copy))) {
      assertEquals(one.folder(), two.folder());
    }
    assertEquals(List.of(), fixture.partials());
  }

  @Test
  void otherBytesOfTheSameSizeAreAnotherEntry() throws Exception {
    WeightsCache cache = fixture.cache();
    CheckpointListing before = fixture.listing();
    try (CachedWeights one = cache.obtain(before, WeightsCache.Check.QUICK, fixture.feed())) {
      CacheFixture.flip(CacheFixture.shard(fixture.model()), 9 * CacheFixture.MIB);
      Files.setLastModifiedTime(CacheFixture.shard(fixture.model()), FileTime.fromMillis(1000));
      CheckpointListing after = fixture.listing();
      try (CachedWeights two = cache.obtain(after, WeightsCache.Check.QUICK, fixture.feed())) {
        assertNotEquals(one.digest(), two.digest());
        fixture.requireSameFiles(two.folder());
      }
    }
  }

  @Test
  void onlyOneOfManyThreadsReceives() throws Exception {
    CheckpointListing listing = fixture.listing();
    AtomicInteger fed = new AtomicInteger();
    ExecutorService pool = Executors.newFixedThreadPool(8);
    try {
      List<Future<String>> all = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        Callable<String> work =
            () -> {
              // Each thread has its own cache object, like the processes of a node.
              WeightsCache cache = fixture.cache();
              WeightsCache.Feed counted =
                  partial -> {
                    fed.incrementAndGet();
                    fixture.feed().fill(partial);
                  };
              try (CachedWeights weights =
                  cache.obtain(listing, WeightsCache.Check.QUICK, counted)) {
                return weights.digest();
              }
            };
        all.add(pool.submit(work));
      }
      for (Future<String> one : all) {
        assertEquals(all.get(0).get(), one.get(60, TimeUnit.SECONDS));
      }
    } finally {
      pool.shutdownNow();
    }
    assertEquals(1, fed.get());
  }

  @Test
  void processesRaceForOneCopyAndSurviveAKill() throws Exception {
    Process first = process(true);
    try (BufferedReader out = first.inputReader();
        Writer permissions = first.outputWriter()) {
      assertEquals("HAVE 0", out.readLine());
      permit(permissions);
      assertEquals("CHUNK 0", out.readLine());
      Process waiting = process(false);
      permit(permissions);
      assertEquals("CHUNK 1", out.readLine());
      first.destroyForcibly().waitFor();
      try (BufferedReader second = waiting.inputReader()) {
        List<String> lines = second.lines().toList();
        assertEquals("HAVE 2", lines.get(0), "the next process resumes the transfer: " + lines);
        assertTrue(lines.get(lines.size() - 1).startsWith("DONE "), lines.toString());
        assertEquals(0, waiting.waitFor());
      }
    }
    WeightsCache cache = fixture.cache();
    try (CachedWeights whole =
        cache.obtain(fixture.listing(), WeightsCache.Check.FULL, CacheFixture.NOTHING)) {
      fixture.requireSameFiles(whole.folder());
    }
    assertEquals(List.of(), fixture.partials());
  }

  @Test
  void aResumedTransferReceivesDamagedBlocksAgain() throws Exception {
    WeightsCache cache = fixture.cache();
    CheckpointListing listing = fixture.listing();
    assertThrows(
        WeightsException.class,
        () ->
            cache.obtain(
                listing, WeightsCache.Check.QUICK, CacheFixture.feed(fixture.model(), stopAt(2))));
    Path partial = fixture.root().resolve("partial").resolve(listing.version());
    CacheFixture.flip(CacheFixture.shard(partial.resolve("files")), 100);
    Files.writeString(partial.resolve("journal"), "7 half a li", StandardOpenOption.APPEND);
    try (CachedWeights whole = cache.obtain(listing, WeightsCache.Check.QUICK, fixture.feed())) {
      fixture.requireSameFiles(whole.folder());
    }
  }

  @Test
  void anEntryWithoutItsListIsIncomplete() throws Exception {
    WeightsCache cache = fixture.cache();
    CheckpointListing listing = fixture.listing();
    Path folder;
    try (CachedWeights first = cache.obtain(listing, WeightsCache.Check.QUICK, fixture.feed())) {
      folder = first.folder();
    }
    // The state after a crash between moving the folder and writing its list.
    Files.delete(folder.resolveSibling(folder.getFileName() + ".json"));
    try (CachedWeights second = cache.obtain(listing, WeightsCache.Check.QUICK, fixture.feed())) {
      assertFalse(second.reused());
      fixture.requireSameFiles(second.folder());
    }
  }

  @Test
  void wrongBytesAreNotWritten() throws Exception {
    CheckpointListing listing = fixture.listing();
    ChunkPlan plan = new ChunkPlan(listing, 8 * CacheFixture.MIB);
    WeightsCache cache = fixture.cache();
    WeightsCache.Feed feed =
        partial -> {
          try (ChunkReader reader = new ChunkReader(new LocalFileSource(fixture.model()), plan)) {
            ChunkReader.Data data = reader.read(0);
            data.bytes()[5] ^= 1;
            assertFalse(partial.write(plan, 0, data.bytes(), data.joinedDigests()));
            assertTrue(partial.have(plan).isEmpty());
          }
        };
    WeightsException e =
        assertThrows(
            WeightsException.class, () -> cache.obtain(listing, WeightsCache.Check.QUICK, feed));
    assertTrue(e.getMessage().contains("the transfer ended early"));
  }

  @Test
  void filesThatACheckpointDoesNotUseAreNotCached() throws Exception {
    Files.writeString(fixture.model().resolve("transformer/pickle.bin"), "x");
    Files.writeString(fixture.model().resolve("transformer/.token"), "secret");
    Files.createDirectories(fixture.model().resolve("other"));
    Files.writeString(fixture.model().resolve("other/a.json"), "{}");
    WeightsCache cache = fixture.cache();
    try (CachedWeights weights =
        cache.obtain(fixture.listing(), WeightsCache.Check.QUICK, fixture.feed())) {
      assertFalse(Files.exists(weights.folder().resolve("transformer/pickle.bin")));
      assertFalse(Files.exists(weights.folder().resolve("transformer/.token")));
      assertFalse(Files.exists(weights.folder().resolve("other")));
    }
  }

  private static IntConsumer stopAt(int chunk) {
    return i -> {
      if (i == chunk) {
        throw new WeightsException("stopped by the test");
      }
    };
  }

  /** Lets a process go on to its next chunk. */
  private static void permit(Writer permissions) throws IOException {
    permissions.write("\n");
    permissions.flush();
  }

  /**
   * @param waits whether the process waits before each chunk
   */
  private Process process(boolean waits) throws IOException {
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xmx128m",
            "-cp",
            System.getProperty("java.class.path"),
            CacheProcess.class.getName(),
            fixture.root().toString(),
            fixture.model().toString(),
            Boolean.toString(waits))
        .redirectError(ProcessBuilder.Redirect.DISCARD)
        .start();
  }
}
