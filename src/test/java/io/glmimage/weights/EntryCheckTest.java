package io.glmimage.weights;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.WeightsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import org.junit.jupiter.api.Test;

class EntryCheckTest extends CacheFixtureTests {
  @Test
  void anotherByteIsFoundByTheModificationTime() throws Exception {
    WeightsCache cache = fixture.cache();
    CheckpointListing listing = fixture.listing();
    Path file = cachedShard(cache, listing);
    CacheFixture.flip(file, 12 * CacheFixture.MIB);
    Files.setLastModifiedTime(file, FileTime.fromMillis(1_000_000));
    try (CachedWeights repaired = cache.obtain(listing, WeightsCache.Check.QUICK, fixture.feed())) {
      assertFalse(repaired.reused());
      fixture.requireSameFiles(repaired.folder());
    }
  }

  @Test
  void anotherByteWithTheOldModificationTimeIsFoundByTheFullCheck() throws Exception {
    CheckpointListing listing = fixture.listing();
    Path file = cachedShard(fixture.cache(), listing);
    FileTime time = Files.getLastModifiedTime(file);
    CacheFixture.flip(file, 12 * CacheFixture.MIB);
    Files.setLastModifiedTime(file, time);
    WeightsCache later = fixture.cache();
    assertTrue(later.find(listing, WeightsCache.Check.FULL).isEmpty());
    try (CachedWeights repaired = later.obtain(listing, WeightsCache.Check.FULL, fixture.feed())) {
      fixture.requireSameFiles(repaired.folder());
    }
  }

  @Test
  void aTouchedButSoundFileIsKept() throws Exception {
    WeightsCache cache = fixture.cache();
    CheckpointListing listing = fixture.listing();
    try (CachedWeights first = cache.obtain(listing, WeightsCache.Check.QUICK, fixture.feed())) {
      Files.setLastModifiedTime(CacheFixture.shard(first.folder()), FileTime.fromMillis(5000));
    }
    cache.obtain(listing, WeightsCache.Check.QUICK, CacheFixture.NOTHING).close();
  }

  @Test
  void aDamagedEntryInUseIsNamedNotRemoved() throws Exception {
    WeightsCache cache = fixture.cache();
    CheckpointListing listing = fixture.listing();
    try (CachedWeights used = cache.obtain(listing, WeightsCache.Check.QUICK, fixture.feed())) {
      Files.delete(CacheFixture.shard(used.folder()));
      WeightsException e =
          assertThrows(
              WeightsException.class,
              () -> cache.obtain(listing, WeightsCache.Check.QUICK, fixture.feed()));
      assertTrue(e.getMessage().contains("is missing) and in use by another process"));
      assertTrue(Files.exists(used.folder().resolve("model_index.json")));
    }
  }

  private Path cachedShard(WeightsCache cache, CheckpointListing listing) throws Exception {
    try (CachedWeights weights = cache.obtain(listing, WeightsCache.Check.QUICK, fixture.feed())) {
      return CacheFixture.shard(weights.folder());
    }
  }
}
