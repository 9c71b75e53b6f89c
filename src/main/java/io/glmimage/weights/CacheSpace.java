package io.glmimage.weights;

import io.glmimage.error.WeightsException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Makes room in the weights cache: removes unused entries, least recently used first. */
final class CacheSpace {
  private static final Logger LOG = LoggerFactory.getLogger(CacheSpace.class);
  private static final Duration STALE_PARTIAL = Duration.ofDays(1);

  private final CacheFolder folder;
  private final long maxBytes;

  CacheSpace(CacheFolder folder, long maxBytes) {
    this.folder = folder;
    this.maxBytes = maxBytes;
  }

  /**
   * Removes unused entries until {@code listing} fits within the limit and on the disk.
   *
   * @param own the partial folder that is about to be filled
   * @throws WeightsException if the disk is too small even then
   */
  void makeRoom(CheckpointListing listing, Path own) throws IOException, InterruptedException {
    long needed = listing.totalBytes();
    try (FileLocks.Held cacheLock = folder.lock()) {
      removeStalePartials(own);
      evict(needed, own);
    }
    if (free(own) < needed) {
      throw new WeightsException(
          "Cannot cache model "
              + listing.source()
              + " in "
              + folder.root()
              + ": it needs "
              + (needed >> 20)
              + " MiB and the disk has "
              + (folder.usableBytes() >> 20)
              + " MiB free; free some or choose another cache folder");
    }
  }

  private void evict(long needed, Path own) throws IOException {
    List<Path> entries = new ArrayList<>(folder.entries());
    long total = 0;
    for (Path entry : entries) {
      total += FileTrees.size(entry);
    }
    entries.sort(Comparator.comparing(CacheFolder::lastUsed));
    for (Path entry : entries) {
      if (total + needed <= maxBytes && free(own) >= needed) {
        break;
      }
      long bytes = FileTrees.size(entry);
      if (CacheFolder.remove(entry)) {
        LOG.info("Evicted {} ({} MiB) from the cache of model weights", entry, bytes >> 20);
        total -= bytes;
      }
    }
    if (total + needed > maxBytes) {
      LOG.warn(
          "The cache of model weights in {} grows to {} MiB, beyond its limit of {} MiB. All"
              + " other entries are in use, or the model alone is larger",
          folder.root(),
          (total + needed) >> 20,
          maxBytes >> 20);
    }
  }

  private void removeStalePartials(Path own) throws IOException {
    for (Path partial : folder.partials()) {
      if (partial.equals(own)) {
        continue;
      }
      Path journal = CacheFolder.journalOf(partial);
      Instant last =
          Files.getLastModifiedTime(Files.exists(journal) ? journal : partial).toInstant();
      if (last.plus(STALE_PARTIAL).isAfter(Instant.now())) {
        continue;
      }
      Optional<FileLocks.Held> lock = FileLocks.tryExclusive(CacheFolder.lockOf(partial));
      if (lock.isPresent()) {
        try (FileLocks.Held held = lock.get()) {
          FileTrees.delete(partial);
        }
      }
    }
  }

  /** The size to which {@code own} can grow, in bytes. */
  private long free(Path own) throws IOException {
    return folder.usableBytes() + allocated(own);
  }

  /**
   * An estimate of the bytes on disk of a partial folder, whose files have holes; 0 without a
   * journal.
   */
  private static long allocated(Path partial) throws IOException {
    Path journal = CacheFolder.journalOf(partial);
    if (!Files.exists(journal)) {
      return 0;
    }
    // Each journal line records one block of at most BLOCK_BYTES.
    long blocks = Files.readString(journal, StandardCharsets.ISO_8859_1).lines().distinct().count();
    return Math.min(blocks * CheckpointListing.BLOCK_BYTES, FileTrees.size(partial));
  }
}
