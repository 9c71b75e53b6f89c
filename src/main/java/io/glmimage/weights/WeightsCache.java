package io.glmimage.weights;

import io.glmimage.error.WeightsException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The cache of checkpoints on a node's disk. All processes share one copy, which is named by its
 * content. {@link CacheFolder} has the layout, {@link EntryCheck} finds damage and {@link
 * CacheSpace} evicts.
 *
 * <p>The root belongs to one user and must be on a local disk, because locks on network file
 * systems are unreliable. Any number of threads and processes may use the cache, and may die at any
 * moment.
 */
public final class WeightsCache {
  private static final Logger LOG = LoggerFactory.getLogger(WeightsCache.class);

  /** The source of received chunks. */
  @FunctionalInterface
  public interface Feed {
    /**
     * Writes the missing chunks.
     *
     * @throws WeightsException if the chunks cannot be received
     */
    void fill(PartialWeights partial) throws InterruptedException;
  }

  /** How thoroughly an entry is checked before use. */
  public enum Check {
    /** Sizes and modification times; checksums only if a modification time differs. */
    QUICK,
    /** All checksums, once for each entry and {@link WeightsCache} object. */
    FULL
  }

  private final CacheFolder folder;
  private final CacheSpace space;
  private final EntryCheck entryCheck = new EntryCheck();

  private WeightsCache(CacheFolder folder, long maxBytes) {
    this.folder = folder;
    this.space = new CacheSpace(folder, maxBytes);
  }

  /**
   * @param root created, readable for this user only, if the folder is missing
   * @param maxBytes limit of the total size; unused entries are removed, least recently used first,
   *     before the cache grows beyond the limit
   * @throws WeightsException if the folder cannot be used or belongs to another user
   */
  public static WeightsCache open(Path root, long maxBytes) {
    return new WeightsCache(CacheFolder.open(root), maxBytes);
  }

  public Path root() {
    return folder.root();
  }

  /**
   * The checkpoint, taken from the cache or received through {@code feed}. One thread of one
   * process on the node receives the checkpoint. Others wait, and one of them takes over if the
   * receiver fails.
   *
   * @throws WeightsException if the checkpoint can neither be found nor received
   */
  public CachedWeights obtain(CheckpointListing listing, Check check, Feed feed)
      throws InterruptedException {
    try {
      boolean logged = false;
      while (true) {
        Optional<CachedWeights> hit = find(listing, check);
        if (hit.isPresent()) {
          return hit.get();
        }
        Path home = folder.partial(listing.version());
        Optional<FileLocks.Held> lock = FileLocks.tryExclusive(CacheFolder.lockOf(home));
        if (lock.isPresent()) {
          return receive(listing, check, feed, home, lock.get());
        }
        if (!logged) {
          LOG.info("Waiting for another process on this node to receive {}", listing.source());
          logged = true;
        }
        Thread.sleep(100);
      }
    } catch (DiskFullException e) {
      throw e.toWeightsException();
    } catch (IOException e) {
      RuntimeException failure = DiskFullException.orOther(listing, root(), e);
      throw failure instanceof DiskFullException full ? full.toWeightsException() : failure;
    }
  }

  /**
   * @param lock of {@code home}; closed by this method
   */
  private CachedWeights receive(
      CheckpointListing listing, Check check, Feed feed, Path home, FileLocks.Held lock)
      throws IOException, InterruptedException {
    try (FileLocks.Held held = lock) {
      // Another process may have finished the checkpoint just before the lock was taken.
      Optional<CachedWeights> hit = find(listing, check);
      if (hit.isPresent()) {
        return hit.get();
      }
      space.makeRoom(listing, home);
      try (PartialWeights partial = new PartialWeights(listing, home, root())) {
        feed.fill(partial);
        if (!partial.complete()) {
          throw new WeightsException(
              "Cannot receive model " + listing.source() + ": the transfer ended early");
        }
        partial.force();
        CachedWeights published = publish(listing, partial);
        FileTrees.delete(home);
        return published;
      } catch (DiskFullException e) {
        // An incomplete model must not occupy a full disk.
        FileTrees.delete(home);
        throw e;
      }
    }
  }

  /**
   * The entry for this source, if the entry is complete and passes the check. A damaged entry is
   * removed.
   *
   * @throws WeightsException if a damaged entry is in use by another process
   */
  public Optional<CachedWeights> find(CheckpointListing listing, Check check) throws IOException {
    Path source = folder.source(listing.version());
    String digest;
    try {
      digest = Files.readString(source, StandardCharsets.ISO_8859_1);
    } catch (NoSuchFileException e) {
      return Optional.empty();
    }
    if (!digest.matches("[0-9a-f]{64}")) {
      Files.deleteIfExists(source);
      return Optional.empty();
    }
    Path entry = folder.entry(digest);
    Optional<FileLocks.Held> lock = FileLocks.tryShared(CacheFolder.lockOf(entry));
    if (lock.isEmpty()) {
      // The entry is being removed.
      return Optional.empty();
    }
    boolean keep = false;
    try {
      if (!Files.exists(CacheFolder.listOf(entry))) {
        return Optional.empty();
      }
      entryCheck.require(listing, entry, check);
      CacheFolder.touch(entry);
      keep = true;
      return Optional.of(new CachedWeights(entry, digest, true, lock.get()));
    } catch (DamagedEntryException e) {
      lock.get().close();
      removeDamaged(entry, e);
      return Optional.empty();
    } finally {
      if (!keep) {
        lock.get().close();
      }
    }
  }

  private static void removeDamaged(Path entry, DamagedEntryException damage) throws IOException {
    LOG.warn(
        "The cached model in {} is damaged ({}): it is received again", entry, damage.getMessage());
    if (!CacheFolder.remove(entry)) {
      throw new WeightsException(
          "Cannot use the cached model in "
              + entry
              + ": it is damaged ("
              + damage.getMessage()
              + ") and in use by another process; end that process or choose another cache folder");
    }
  }

  /** Turns a finished partial folder into a cache entry. */
  private CachedWeights publish(CheckpointListing listing, PartialWeights partial)
      throws IOException, InterruptedException {
    byte[][] digests = partial.blockDigests();
    String digest = listing.contentDigest(digests);
    Path entry = folder.entry(digest);
    try (FileLocks.Held cacheLock = folder.lock()) {
      if (!Files.exists(CacheFolder.listOf(entry))) {
        // Remove the remains of a crash between the two steps below, or during a removal.
        FileTrees.delete(entry);
        Files.move(partial.files(), entry, StandardCopyOption.ATOMIC_MOVE);
        EntryList.write(entry, listing, digests);
      }
      FileTrees.writeAtomically(
          folder.source(listing.version()), digest.getBytes(StandardCharsets.US_ASCII));
      FileLocks.Held lock =
          FileLocks.tryShared(CacheFolder.lockOf(entry))
              .orElseThrow(() -> new IOException(entry + " is locked by an unknown program"));
      CacheFolder.touch(entry);
      return new CachedWeights(entry, digest, false, lock);
    }
  }
}
