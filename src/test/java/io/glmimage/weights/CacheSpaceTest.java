package io.glmimage.weights;

import static io.glmimage.weights.CacheFixture.MIB;
import static io.glmimage.weights.CacheFixture.NOTHING;
import static io.glmimage.weights.CacheFixture.feed;
import static io.glmimage.weights.CacheFixture.listing;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.glmimage.bench.SyntheticCheckpoint;
import io.glmimage.error.WeightsException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class CacheSpaceTest extends CacheFixtureTests {
  @Test
  void evictsTheLeastRecentlyUsedButNeverOneInUse() throws Exception {
    WeightsCache cache = WeightsCache.open(fixture.root(), 50L * MIB);
    List<Path> models = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      Path m = Files.createDirectory(temporary.resolve("m" + i));
      models.add(SyntheticCheckpoint.write(m, 20 * MIB, 10 + i));
    }
    CheckpointListing m0 = listing(models.get(0));
    CheckpointListing m1 = listing(models.get(1));
    CheckpointListing m2 = listing(models.get(2));
    CheckpointListing m3 = listing(models.get(3));
    try (CachedWeights first = cache.obtain(m0, WeightsCache.Check.QUICK, feed(models.get(0)))) {
      setUsed(first, 1000);
    }
    try (CachedWeights second = cache.obtain(m1, WeightsCache.Check.QUICK, feed(models.get(1)))) {
      setUsed(second, 2000);
    }
    cache.obtain(m0, WeightsCache.Check.QUICK, NOTHING).close();
    try (CachedWeights held = cache.obtain(m2, WeightsCache.Check.QUICK, feed(models.get(2)))) {
      assertTrue(has(cache, m0));
      assertFalse(has(cache, m1), "the least recently used goes first");
      setUsed(held, 0);
      cache.obtain(m3, WeightsCache.Check.QUICK, feed(models.get(3))).close();
      assertTrue(has(cache, m2), "in use");
      assertFalse(has(cache, m0));
    }
  }

  @Test
  void theLastUsedModelStaysAlthoughTheClockWasSetBack() throws Exception {
    WeightsCache cache = WeightsCache.open(fixture.root(), 50L * MIB);
    List<Path> models = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      Path m = Files.createDirectory(temporary.resolve("m" + i));
      models.add(SyntheticCheckpoint.write(m, 20 * MIB, 20 + i));
    }
    try (CachedWeights ahead =
        cache.obtain(listing(models.get(0)), WeightsCache.Check.QUICK, feed(models.get(0)))) {
      setUsed(ahead, Instant.now().plus(Duration.ofHours(2)).toEpochMilli());
    }
    cache.obtain(listing(models.get(1)), WeightsCache.Check.QUICK, feed(models.get(1))).close();
    cache.obtain(listing(models.get(2)), WeightsCache.Check.QUICK, feed(models.get(2))).close();
    assertFalse(has(cache, listing(models.get(0))));
    assertTrue(has(cache, listing(models.get(1))), "it was used after the other");
  }

  @Test
  void aSmallDiskIsRefusedAndAFullOneNamed() throws Exception {
    Path disk = Files.createDirectory(temporary.resolve("disk"));
    assumeTrue(mount(disk), "mounting a small disk needs root");
    try {
      CheckpointListing listing = fixture.listing();
      WeightsCache cache = WeightsCache.open(disk.resolve("cache"), Long.MAX_VALUE);
      Path ballast = disk.resolve("ballast");
      WeightsException full =
          assertThrows(
              WeightsException.class,
              () ->
                  cache.obtain(
                      listing,
                      WeightsCache.Check.QUICK,
                      feed(fixture.model(), i -> fill(i == 1, ballast, 22 * MIB))));
      assertTrue(full.getMessage().contains("the disk is full"), full.getMessage());
      assertFalse(
          Files.exists(disk.resolve("cache/partial").resolve(listing.version())),
          "half a model must not keep the disk full");
      WeightsException small =
          assertThrows(
              WeightsException.class,
              () -> cache.obtain(listing, WeightsCache.Check.QUICK, fixture.feed()));
      assertTrue(small.getMessage().contains("it needs 20 MiB"), small.getMessage());
      Files.delete(ballast);
      cache.obtain(listing, WeightsCache.Check.QUICK, fixture.feed()).close();
    } finally {
      assertEquals(0, new ProcessBuilder("umount", disk.toString()).start().waitFor());
    }
  }

  @Test
  void anAbandonedTransferIsRemovedAfterADay() throws Exception {
    WeightsCache cache = fixture.cache();
    Path old = Files.createDirectories(fixture.root().resolve("partial/old"));
    Path recent = Files.createDirectories(fixture.root().resolve("partial/recent"));
    Files.writeString(old.resolve("journal"), "");
    Files.setLastModifiedTime(
        old.resolve("journal"), FileTime.from(Instant.now().minus(Duration.ofHours(25))));
    cache.obtain(fixture.listing(), WeightsCache.Check.QUICK, fixture.feed()).close();
    assertEquals(List.of(recent), fixture.partials());
  }

  /** Sets the time in milliseconds at which an entry was last used. */
  private static void setUsed(CachedWeights weights, long millis) throws IOException {
    Files.setLastModifiedTime(CacheFolder.lockOf(weights.folder()), FileTime.fromMillis(millis));
  }

  private static boolean has(WeightsCache cache, CheckpointListing listing) throws IOException {
    var found = cache.find(listing, WeightsCache.Check.QUICK);
    found.ifPresent(CachedWeights::close);
    return found.isPresent();
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
        throw new UncheckedIOException(e);
      }
    }
  }
}
