package io.glmimage.weights;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.glmimage.bench.SyntheticCheckpoint;
import io.glmimage.error.CheckpointException;
import io.glmimage.error.WeightsException;
import io.glmimage.io.FileSource;
import io.glmimage.io.LocalFileSource;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
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
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("broadcast")
class WeightsCacheTest {
  private static final int MIB = 1 << 20;
  private static final WeightsCache.Feed NOTHING =
      partial -> {
        throw new AssertionError("nothing should be received");
      };

  @TempDir Path temporary;
  private Path model;
  private Path root;

  @BeforeEach
  void writeModel() throws IOException {
    model = Files.createDirectory(temporary.resolve("model"));
    root = temporary.resolve("cache");
    SyntheticCheckpoint.write(model, 20 * MIB + 5, 1);
  }

  @Test
  void receivesAndReusesAnEntry() throws Exception {
    WeightsCache cache = WeightsCache.open(root, Long.MAX_VALUE);
    CheckpointListing listing = listing(model);
    String digest;
    try (CachedWeights first = cache.obtain(listing, quick(), feed(model))) {
      assertFalse(first.reused());
      requireSameFiles(first.folder());
      digest = first.digest();
    }
    try (CachedWeights again = cache.obtain(listing, WeightsCache.Check.FULL, NOTHING)) {
      assertTrue(again.reused());
      assertEquals(digest, again.digest());
    }
    assertEquals(List.of(), partials());
  }

  @Test
  void theSameContentElsewhereIsOneEntry() throws Exception {
    Path copy = Files.createDirectory(temporary.resolve("copy"));
    SyntheticCheckpoint.write(copy, 20 * MIB + 5, 1);
    WeightsCache cache = WeightsCache.open(root, Long.MAX_VALUE);
    CheckpointListing a = listing(model);
    CheckpointListing b = listing(copy);
    assertNotEquals(a.version(), b.version());
    assertEquals(a.structure(), b.structure());
    try (CachedWeights one = cache.obtain(a, quick(), feed(model));
        CachedWeights two = cache.obtain(b, quick(), feed(copy))) {
      assertEquals(one.folder(), two.folder());
    }
    assertEquals(List.of(), partials());
  }

  @Test
  void otherBytesOfTheSameSizeAreAnotherEntry() throws Exception {
    WeightsCache cache = WeightsCache.open(root, Long.MAX_VALUE);
    CheckpointListing before = listing(model);
    try (CachedWeights one = cache.obtain(before, quick(), feed(model))) {
      flip(shard(model), 9 * MIB);
      Files.setLastModifiedTime(shard(model), FileTime.fromMillis(1000));
      CheckpointListing after = listing(model);
      try (CachedWeights two = cache.obtain(after, quick(), feed(model))) {
        assertNotEquals(one.digest(), two.digest());
        requireSameFiles(two.folder());
      }
    }
  }

  @Test
  void onlyOneOfManyThreadsReceives() throws Exception {
    CheckpointListing listing = listing(model);
    AtomicInteger fed = new AtomicInteger();
    ExecutorService pool = Executors.newFixedThreadPool(8);
    try {
      List<Future<String>> all = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        Callable<String> work =
            () -> {
              // A cache object each, as the processes of a node have.
              WeightsCache cache = WeightsCache.open(root, Long.MAX_VALUE);
              WeightsCache.Feed counted =
                  partial -> {
                    fed.incrementAndGet();
                    feed(model).fill(partial);
                  };
              try (CachedWeights weights = cache.obtain(listing, quick(), counted)) {
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
    Process first = process(400);
    try (BufferedReader out = first.inputReader()) {
      assertEquals("HAVE 0", out.readLine());
      assertEquals("CHUNK 0", out.readLine());
      Process waiting = process(0);
      assertEquals("CHUNK 1", out.readLine());
      // As kill -9 does.
      first.destroyForcibly().waitFor();
      try (BufferedReader second = waiting.inputReader()) {
        List<String> lines = second.lines().toList();
        assertEquals("HAVE 2", lines.get(0), "it goes on where the dead one ended: " + lines);
        assertTrue(lines.get(lines.size() - 1).startsWith("DONE "), lines.toString());
        assertEquals(0, waiting.waitFor());
      }
    }
    WeightsCache cache = WeightsCache.open(root, Long.MAX_VALUE);
    try (CachedWeights whole = cache.obtain(listing(model), WeightsCache.Check.FULL, NOTHING)) {
      requireSameFiles(whole.folder());
    }
    assertEquals(List.of(), partials());
  }

  @Test
  void damageInWhatACrashLeftIsFoundWhenGoingOn() throws Exception {
    WeightsCache cache = WeightsCache.open(root, Long.MAX_VALUE);
    CheckpointListing listing = listing(model);
    assertThrows(
        WeightsException.class, () -> cache.obtain(listing, quick(), feed(model, stopAt(2))));
    Path partial = root.resolve("partial").resolve(listing.version());
    flip(shard(partial.resolve("files")), 100);
    Files.writeString(
        partial.resolve("journal"), "7 half a li", java.nio.file.StandardOpenOption.APPEND);
    try (CachedWeights whole = cache.obtain(listing, quick(), feed(model))) {
      requireSameFiles(whole.folder());
    }
  }

  @Test
  void aFlippedByteIsFoundByItsTimeOrByTheFullCheck() throws Exception {
    WeightsCache cache = WeightsCache.open(root, Long.MAX_VALUE);
    CheckpointListing listing = listing(model);
    Path file;
    try (CachedWeights first = cache.obtain(listing, quick(), feed(model))) {
      file = shard(first.folder());
    }
    flip(file, 12 * MIB);
    Files.setLastModifiedTime(file, FileTime.fromMillis(1_000_000));
    AtomicInteger chunks = new AtomicInteger();
    try (CachedWeights repaired =
        cache.obtain(listing, quick(), feed(model, i -> chunks.incrementAndGet()))) {
      assertFalse(repaired.reused());
      requireSameFiles(repaired.folder());
    }
    assertTrue(chunks.get() > 0);

    FileTime time = Files.getLastModifiedTime(file);
    flip(file, 12 * MIB);
    Files.setLastModifiedTime(file, time);
    WeightsCache later = WeightsCache.open(root, Long.MAX_VALUE);
    assertTrue(later.find(listing, WeightsCache.Check.FULL).isEmpty());
    try (CachedWeights repaired = later.obtain(listing, WeightsCache.Check.FULL, feed(model))) {
      requireSameFiles(repaired.folder());
    }
  }

  @Test
  void aTouchedButSoundFileIsKept() throws Exception {
    WeightsCache cache = WeightsCache.open(root, Long.MAX_VALUE);
    CheckpointListing listing = listing(model);
    try (CachedWeights first = cache.obtain(listing, quick(), feed(model))) {
      Files.setLastModifiedTime(shard(first.folder()), FileTime.fromMillis(5000));
    }
    cache.obtain(listing, quick(), NOTHING).close();
  }

  @Test
  void aDamagedEntryInUseIsNamedNotRemoved() throws Exception {
    WeightsCache cache = WeightsCache.open(root, Long.MAX_VALUE);
    CheckpointListing listing = listing(model);
    try (CachedWeights used = cache.obtain(listing, quick(), feed(model))) {
      Files.delete(shard(used.folder()));
      WeightsException e =
          assertThrows(WeightsException.class, () -> cache.obtain(listing, quick(), feed(model)));
      assertTrue(e.getMessage().contains("is missing) and in use by another process"));
      assertTrue(Files.exists(used.folder().resolve("model_index.json")));
    }
  }

  @Test
  void anEntryWithoutItsListIsIncomplete() throws Exception {
    WeightsCache cache = WeightsCache.open(root, Long.MAX_VALUE);
    CheckpointListing listing = listing(model);
    Path folder;
    try (CachedWeights first = cache.obtain(listing, quick(), feed(model))) {
      folder = first.folder();
    }
    // What a crash leaves between moving the folder and writing its list.
    Files.delete(folder.resolveSibling(folder.getFileName() + ".json"));
    try (CachedWeights second = cache.obtain(listing, quick(), feed(model))) {
      assertFalse(second.reused());
      requireSameFiles(second.folder());
    }
  }

  @Test
  void evictsTheLeastRecentlyUsedButNeverOneInUse() throws Exception {
    WeightsCache cache = WeightsCache.open(root, 50L * MIB);
    List<Path> models = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      Path m = Files.createDirectory(temporary.resolve("m" + i));
      models.add(SyntheticCheckpoint.write(m, 20 * MIB, 10 + i));
    }
    CheckpointListing m0 = listing(models.get(0));
    CheckpointListing m1 = listing(models.get(1));
    CheckpointListing m2 = listing(models.get(2));
    CheckpointListing m3 = listing(models.get(3));
    cache.obtain(m0, quick(), feed(models.get(0))).close();
    Thread.sleep(20);
    cache.obtain(m1, quick(), feed(models.get(1))).close();
    Thread.sleep(20);
    cache.obtain(m0, quick(), NOTHING).close();
    try (CachedWeights held = cache.obtain(m2, quick(), feed(models.get(2)))) {
      assertTrue(has(cache, m0));
      assertFalse(has(cache, m1), "the least recently used goes first");
      Files.setLastModifiedTime(
          held.folder().resolveSibling(held.digest() + ".lock"), FileTime.fromMillis(0));
      cache.obtain(m3, quick(), feed(models.get(3))).close();
      assertTrue(has(cache, m2), "in use");
      assertFalse(has(cache, m0));
    }
  }

  @Test
  void aSmallDiskIsRefusedAndAFullOneNamed() throws Exception {
    Path disk = Files.createDirectory(temporary.resolve("disk"));
    assumeTrue(mount(disk), "mounting a small disk needs root");
    try {
      CheckpointListing listing = listing(model);
      WeightsCache cache = WeightsCache.open(disk.resolve("cache"), Long.MAX_VALUE);
      Path ballast = disk.resolve("ballast");
      WeightsException full =
          assertThrows(
              WeightsException.class,
              () ->
                  cache.obtain(
                      listing, quick(), feed(model, i -> fill(i == 1, ballast, 22 * MIB))));
      assertTrue(full.getMessage().contains("the disk is full"), full.getMessage());
      assertFalse(
          Files.exists(disk.resolve("cache/partial").resolve(listing.version())),
          "half a model must not keep the disk full");
      WeightsException small =
          assertThrows(WeightsException.class, () -> cache.obtain(listing, quick(), feed(model)));
      assertTrue(small.getMessage().contains("it needs 20 MiB"), small.getMessage());
      Files.delete(ballast);
      cache.obtain(listing, quick(), feed(model)).close();
    } finally {
      assertEquals(0, new ProcessBuilder("umount", disk.toString()).start().waitFor());
    }
  }

  @Test
  void wrongBytesAreNotWritten() throws Exception {
    CheckpointListing listing = listing(model);
    ChunkPlan plan = new ChunkPlan(listing, 8 * MIB);
    WeightsCache cache = WeightsCache.open(root, Long.MAX_VALUE);
    WeightsCache.Feed feed =
        partial -> {
          try (ChunkReader reader = new ChunkReader(new LocalFileSource(model), plan)) {
            ChunkReader.Data data = reader.read(0);
            data.bytes()[5] ^= 1;
            assertFalse(partial.write(plan, 0, data.bytes(), data.joinedDigests()));
            assertTrue(partial.have(plan).isEmpty());
          }
        };
    WeightsException e =
        assertThrows(WeightsException.class, () -> cache.obtain(listing, quick(), feed));
    assertTrue(e.getMessage().contains("the transfer ended early"));
  }

  @Test
  void aModelThatChangesWhileReadIsNamed() throws Exception {
    CheckpointListing listing = listing(model);
    ChunkPlan plan = new ChunkPlan(listing, 8 * MIB);
    try (ChunkReader reader = new ChunkReader(new LocalFileSource(model), plan, 1)) {
      reader.read(0);
      Files.setLastModifiedTime(shard(model), FileTime.fromMillis(1));
      WeightsException e = assertThrows(WeightsException.class, () -> reader.read(1));
      assertTrue(e.getMessage().contains("it changed while it was read: transformer/"));
    }
    try (RandomAccessFile file = new RandomAccessFile(shard(model).toFile(), "rw")) {
      file.setLength(9 * MIB);
    }
    try (ChunkReader reader = new ChunkReader(new LocalFileSource(model), plan, 1)) {
      WeightsException e = assertThrows(WeightsException.class, () -> reader.read(plan.size() - 1));
      assertTrue(e.getMessage().contains("and now has " + 9 * MIB), e.getMessage());
    }
    Files.delete(shard(model));
    try (ChunkReader reader = new ChunkReader(new LocalFileSource(model), plan, 1)) {
      assertThrows(WeightsException.class, () -> reader.read(plan.size() - 1));
    }
  }

  @Test
  void aReadThatFailsIsRepeatedAndThenReported() throws Exception {
    CheckpointListing listing = listing(model);
    ChunkPlan plan = new ChunkPlan(listing, 8 * MIB);
    FlakySource flaky = new FlakySource(new LocalFileSource(model), 2);
    try (ChunkReader reader = new ChunkReader(flaky, plan, 1)) {
      assertEquals(plan.length(0), reader.read(0).bytes().length);
    }
    flaky.failures = 1000;
    try (ChunkReader reader = new ChunkReader(flaky, plan, 1)) {
      WeightsException e = assertThrows(WeightsException.class, () -> reader.read(0));
      assertTrue(e.getMessage().contains("connection reset (4 attempts)"), e.getMessage());
    }
  }

  @Test
  void onlyCheckpointFilesBelong() {
    for (String yes :
        List.of(
            "model_index.json",
            "transformer/diffusion_pytorch_model-00001-of-00003.safetensors",
            "vision_language_encoder/model.safetensors.index.json",
            "processor/chat_template.jinja",
            "tokenizer/merges.txt")) {
      assertTrue(CheckpointFiles.belongs(yes), yes);
    }
    for (String no :
        List.of(
            "transformer/model.bin",
            "vae/weights.pt",
            "secrets/keys.json",
            ".git/config.json",
            "transformer/.hidden.json",
            "transformer/../../etc/x.json",
            "..\\x.json",
            "run.py",
            "README.md",
            "vae/a/b.json")) {
      assertFalse(CheckpointFiles.belongs(no), no);
    }
  }

  @Test
  void strangersAreLeftBehind() throws Exception {
    Files.writeString(model.resolve("transformer/pickle.bin"), "x");
    Files.writeString(model.resolve("transformer/.token"), "secret");
    Files.createDirectories(model.resolve("other"));
    Files.writeString(model.resolve("other/a.json"), "{}");
    WeightsCache cache = WeightsCache.open(root, Long.MAX_VALUE);
    try (CachedWeights weights = cache.obtain(listing(model), quick(), feed(model))) {
      assertFalse(Files.exists(weights.folder().resolve("transformer/pickle.bin")));
      assertFalse(Files.exists(weights.folder().resolve("transformer/.token")));
      assertFalse(Files.exists(weights.folder().resolve("other")));
    }
  }

  @Test
  void aFolderThatIsNoCheckpointIsRefused() throws Exception {
    Files.delete(model.resolve("model_index.json"));
    CheckpointException e = assertThrows(CheckpointException.class, () -> listing(model));
    assertTrue(e.getMessage().contains("has no model_index.json"));
  }

  @Test
  void aTruncatedSafetensorsHeaderIsRefused() throws Exception {
    Files.write(shard(model), new byte[] {1, 1, 1, 1, 0, 0, 0, 0, 7});
    CheckpointException e = assertThrows(CheckpointException.class, () -> listing(model));
    assertTrue(e.getMessage().contains("it is truncated"), e.getMessage());
  }

  @Test
  void chunksHoldWholeBlocksAndCoverEverything() throws Exception {
    CheckpointListing listing = listing(model);
    for (int size : new int[] {1, MIB, 8 * MIB, 17 * MIB, 1 << 30}) {
      ChunkPlan plan = new ChunkPlan(listing, size);
      long total = 0;
      for (int i = 0; i < plan.size(); i++) {
        assertTrue(plan.length(i) <= Math.max(size, CheckpointListing.BLOCK_BYTES));
        total += plan.length(i);
      }
      assertEquals(listing.totalBytes(), total);
    }
  }

  private WeightsCache.Check quick() {
    return WeightsCache.Check.QUICK;
  }

  private static CheckpointListing listing(Path model) throws IOException {
    return CheckpointListing.read(new LocalFileSource(model));
  }

  private static WeightsCache.Feed feed(Path model) {
    return feed(model, i -> {});
  }

  private static WeightsCache.Feed feed(Path model, IntConsumer beforeChunk) {
    return partial -> {
      ChunkPlan plan = new ChunkPlan(partial.listing(), CheckpointListing.BLOCK_BYTES);
      try (ChunkReader reader = new ChunkReader(new LocalFileSource(model), plan)) {
        var have = partial.have(plan);
        for (int i = have.nextClearBit(0); i < plan.size(); i = have.nextClearBit(i + 1)) {
          beforeChunk.accept(i);
          ChunkReader.Data data = reader.read(i);
          assertTrue(partial.write(plan, i, data.bytes(), data.joinedDigests()));
        }
      }
    };
  }

  private static IntConsumer stopAt(int chunk) {
    return i -> {
      if (i == chunk) {
        throw new WeightsException("stopped by the test");
      }
    };
  }

  private static boolean has(WeightsCache cache, CheckpointListing listing) throws IOException {
    var found = cache.find(listing, WeightsCache.Check.QUICK);
    found.ifPresent(CachedWeights::close);
    return found.isPresent();
  }

  private List<Path> partials() throws IOException {
    try (var all = Files.list(root.resolve("partial"))) {
      return all.filter(Files::isDirectory).toList();
    }
  }

  private void requireSameFiles(Path folder) throws IOException {
    for (CheckpointListing.Item item : listing(model).items()) {
      assertEquals(
          -1, Files.mismatch(model.resolve(item.path()), folder.resolve(item.path())), item.path());
    }
  }

  private static Path shard(Path folder) {
    return folder.resolve("transformer/diffusion_pytorch_model-00001-of-00001.safetensors");
  }

  private static void flip(Path file, long at) throws IOException {
    try (RandomAccessFile bytes = new RandomAccessFile(file.toFile(), "rw")) {
      bytes.seek(at);
      int old = bytes.read();
      bytes.seek(at);
      bytes.write(old ^ 0x10);
    }
  }

  private Process process(long waitMillis) throws IOException {
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xmx128m",
            "-cp",
            System.getProperty("java.class.path"),
            CacheProcess.class.getName(),
            root.toString(),
            model.toString(),
            Long.toString(waitMillis))
        .redirectError(ProcessBuilder.Redirect.DISCARD)
        .start();
  }

  private static boolean mount(Path disk) throws Exception {
    if (!Files.isExecutable(Path.of("/bin/mount"))) {
      return false;
    }
    Process mount =
        new ProcessBuilder("mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", disk.toString())
            .redirectErrorStream(true)
            .start();
    mount.getInputStream().readAllBytes();
    return mount.waitFor() == 0;
  }

  private static void fill(boolean now, Path file, int bytes) {
    if (now) {
      try {
        Files.write(file, new byte[bytes]);
      } catch (IOException e) {
        throw new java.io.UncheckedIOException(e);
      }
    }
  }

  /** A source whose connections break. */
  private static final class FlakySource implements FileSource {
    private final FileSource real;
    private int failures;

    FlakySource(FileSource real, int failures) {
      this.real = real;
      this.failures = failures;
    }

    @Override
    public String name() {
      return real.name();
    }

    @Override
    public List<Entry> list() throws IOException {
      return real.list();
    }

    @Override
    public Entry stat(String path) throws IOException {
      return real.stat(path);
    }

    @Override
    public InputStream open(String path, long offset) throws IOException {
      if (failures-- > 0) {
        throw new IOException("connection reset");
      }
      return real.open(path, offset);
    }
  }
}
