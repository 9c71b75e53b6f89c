package io.glmimage.weights;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.glmimage.digest.Sha256;
import io.glmimage.error.WeightsException;
import io.glmimage.json.Json;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The cache of checkpoints on a node's disk. All processes share one copy, which is named by its
 * content.
 *
 * <pre>
 * root/entries/DIGEST/       the checkpoint folder, in the layout of its source
 * root/entries/DIGEST.json   files, sizes and block checksums; exists only for a complete entry
 * root/entries/DIGEST.lock   shared for use, exclusive for removal; its age gives the LRU order
 * root/sources/VERSION       the content digest of a source's version
 * root/partial/VERSION/      a checkpoint that is being received, under VERSION.lock
 * root/cache.lock            held during publication and eviction
 * </pre>
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

  private static final Duration STALE_PARTIAL = Duration.ofDays(1);

  private final Path root;
  private final long maxBytes;
  private final Map<String, Boolean> fullyChecked = new ConcurrentHashMap<>();

  private WeightsCache(Path root, long maxBytes) {
    this.root = root;
    this.maxBytes = maxBytes;
  }

  /**
   * @param root created, readable for this user only, if the folder is missing
   * @param maxBytes limit of the total size; unused entries are removed, least recently used first,
   *     before the cache grows beyond the limit
   * @throws WeightsException if the folder cannot be used or belongs to another user
   */
  public static WeightsCache open(Path root, long maxBytes) {
    Path home = root.toAbsolutePath().normalize();
    try {
      if (!Files.isDirectory(home)) {
        Files.createDirectories(home.getParent());
        try {
          if (FileSystems.getDefault().supportedFileAttributeViews().contains("posix")) {
            Files.createDirectory(
                home,
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
          } else {
            Files.createDirectory(home);
          }
        } catch (java.nio.file.FileAlreadyExistsException e) {
          if (!Files.isDirectory(home)) {
            throw e;
          }
        }
      }
      requireOwn(home);
      for (String part : List.of("entries", "sources", "partial")) {
        Files.createDirectories(home.resolve(part));
      }
    } catch (IOException e) {
      throw new WeightsException(
          "Cannot use " + home + " as the cache of model weights: " + e + "; choose another folder",
          e);
    }
    return new WeightsCache(home, maxBytes);
  }

  /**
   * Requires a folder of this user. Other users could place weights in a folder that they may write
   * to.
   */
  private static void requireOwn(Path home) throws IOException {
    Path probe = Files.createTempFile(home, ".owner", "");
    try {
      if (!Files.getOwner(probe).equals(Files.getOwner(home, LinkOption.NOFOLLOW_LINKS))) {
        throw new WeightsException(
            "Cannot use "
                + home
                + " as the cache of model weights: it belongs to "
                + Files.getOwner(home)
                + "; choose another folder");
      }
    } finally {
      Files.deleteIfExists(probe);
    }
  }

  public Path root() {
    return root;
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
      boolean told = false;
      while (true) {
        Optional<CachedWeights> hit = find(listing, check);
        if (hit.isPresent()) {
          return hit.get();
        }
        Path home = root.resolve("partial").resolve(listing.version());
        Optional<FileLocks.Held> lock = FileLocks.tryExclusive(lockOf(home));
        if (lock.isEmpty()) {
          if (!told) {
            LOG.info("Waiting for another process on this node to receive {}", listing.source());
            told = true;
          }
          Thread.sleep(100);
          continue;
        }
        Optional<CachedWeights> received = receive(listing, check, feed, home, lock.get());
        if (received.isPresent()) {
          return received.get();
        }
      }
    } catch (IOException e) {
      throw cannotWrite(listing, e) instanceof DiskFull full
          ? full.toWeightsException()
          : new WeightsException(
              "Cannot cache model " + listing.source() + " in " + root + ": " + e, e);
    }
  }

  private Optional<CachedWeights> receive(
      CheckpointListing listing, Check check, Feed feed, Path home, FileLocks.Held lock)
      throws IOException, InterruptedException {
    boolean owned = false;
    try {
      Optional<CachedWeights> hit = find(listing, check);
      if (hit.isPresent()) {
        return hit;
      }
      makeRoom(listing, home);
      boolean full = false;
      try (PartialWeights partial = new PartialWeights(this, listing, home, lock)) {
        owned = true;
        feed.fill(partial);
        if (!partial.complete()) {
          throw new WeightsException(
              "Cannot receive model " + listing.source() + ": the transfer ended early");
        }
        CachedWeights published = partial.publish();
        delete(home);
        return Optional.of(published);
      } catch (DiskFull e) {
        full = true;
        throw e.toWeightsException();
      } finally {
        if (full) {
          // An incomplete model must not occupy a full disk.
          delete(home);
        }
      }
    } finally {
      if (!owned) {
        lock.close();
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
    Path alias = root.resolve("sources").resolve(listing.version());
    String digest;
    try {
      digest = Files.readString(alias, StandardCharsets.ISO_8859_1);
    } catch (NoSuchFileException e) {
      return Optional.empty();
    }
    if (!digest.matches("[0-9a-f]{64}")) {
      Files.deleteIfExists(alias);
      return Optional.empty();
    }
    Path entry = root.resolve("entries").resolve(digest);
    Optional<FileLocks.Held> lock = FileLocks.tryShared(lockOf(entry));
    if (lock.isEmpty()) {
      // The entry is being removed.
      return Optional.empty();
    }
    Optional<String> damage;
    boolean keep = false;
    try {
      if (!Files.exists(jsonOf(entry))) {
        return Optional.empty();
      }
      damage = damage(listing, entry, digest, check);
      keep = damage.isEmpty();
    } finally {
      if (!keep) {
        lock.get().close();
      }
    }
    if (damage.isEmpty()) {
      Files.setLastModifiedTime(lockOf(entry), FileTime.from(Instant.now()));
      return Optional.of(new CachedWeights(entry, digest, true, lock.get()));
    }
    LOG.warn("The cached model in {} is damaged ({}): it is received again", entry, damage.get());
    if (!remove(entry)) {
      throw new WeightsException(
          "Cannot use the cached model in "
              + entry
              + ": it is damaged ("
              + damage.get()
              + ") and in use by another process; end that process or choose another cache folder");
    }
    return Optional.empty();
  }

  /** A description of the damage to an entry, or empty. The caller holds the lock of the entry. */
  private Optional<String> damage(CheckpointListing listing, Path entry, String digest, Check check)
      throws IOException {
    JsonNode json;
    try {
      json = Json.MAPPER.readTree(Files.readAllBytes(jsonOf(entry)));
    } catch (com.fasterxml.jackson.core.JacksonException e) {
      return Optional.of("its list of files is not valid JSON");
    }
    JsonNode files = json == null ? null : json.get("files");
    List<CheckpointListing.Item> items = listing.items();
    if (files == null || !files.isArray() || files.size() != items.size()) {
      return Optional.of("its list of files is not that of the model");
    }
    boolean touched = false;
    byte[][] digests = new byte[listing.blocks().size()][];
    int next = 0;
    for (int i = 0; i < items.size(); i++) {
      CheckpointListing.Item item = items.get(i);
      JsonNode file = files.get(i);
      if (!file.path("path").asText().equals(item.path())
          || file.path("size").asLong(-1) != item.size()
          || file.path("blocks").size() != item.blocks()) {
        return Optional.of("its list of files is not that of the model");
      }
      for (JsonNode block : file.path("blocks")) {
        if (!block.asText().matches("[0-9a-f]{64}")) {
          return Optional.of("its list of files has a malformed checksum");
        }
        digests[next++] = HexFormat.of().parseHex(block.asText());
      }
      Path path = entry.resolve(item.path());
      if (!Files.isRegularFile(path)) {
        return Optional.of(item.path() + " is missing");
      }
      if (Files.size(path) != item.size()) {
        return Optional.of(
            item.path() + " has " + Files.size(path) + " bytes instead of " + item.size());
      }
      touched |= Files.getLastModifiedTime(path).toMillis() != file.path("modified").asLong();
    }
    if (!listing.contentDigest(digests).equals(digest)) {
      return Optional.of("its checksums do not belong to its name");
    }
    boolean full = check == Check.FULL && !fullyChecked.containsKey(digest);
    if (touched || full) {
      List<CheckpointListing.Block> blocks = listing.blocks();
      BitSet wrong = wrongBlocks(entry, blocks, digests);
      if (!wrong.isEmpty()) {
        CheckpointListing.Block first = blocks.get(wrong.nextSetBit(0));
        return Optional.of(
            first.item().path() + " has other bytes than were sent, from byte " + first.offset());
      }
      fullyChecked.put(digest, true);
      if (touched) {
        writeJson(listing, entry, digests);
      }
    }
    return Optional.empty();
  }

  /**
   * The blocks whose content differs from the given digests. Blocks without a digest are skipped.
   */
  static BitSet wrongBlocks(Path folder, List<CheckpointListing.Block> blocks, byte[][] digests)
      throws IOException {
    BitSet wrong = new BitSet();
    byte[] buffer = new byte[CheckpointListing.BLOCK_BYTES];
    String open = "";
    FileChannel channel = null;
    try {
      for (int i = 0; i < blocks.size(); i++) {
        if (digests[i] == null) {
          continue;
        }
        CheckpointListing.Block block = blocks.get(i);
        if (!open.equals(block.item().path())) {
          if (channel != null) {
            channel.close();
          }
          open = block.item().path();
          channel = FileChannel.open(folder.resolve(open), StandardOpenOption.READ);
        }
        java.nio.ByteBuffer into = java.nio.ByteBuffer.wrap(buffer, 0, block.length());
        long at = block.offset();
        int n = 0;
        while (into.hasRemaining() && n >= 0) {
          n = channel.read(into, at);
          at += Math.max(n, 0);
        }
        if (into.hasRemaining()
            || !java.util.Arrays.equals(Sha256.of(buffer, 0, block.length()), digests[i])) {
          wrong.set(i);
        }
      }
    } finally {
      if (channel != null) {
        channel.close();
      }
    }
    return wrong;
  }

  /** Turns a finished partial folder into a cache entry. */
  CachedWeights publish(CheckpointListing listing, Path files, byte[][] digests)
      throws IOException {
    String digest = listing.contentDigest(digests);
    Path entry = root.resolve("entries").resolve(digest);
    try (FileLocks.Held cacheLock = FileLocks.exclusive(root.resolve("cache.lock"))) {
      boolean reused = Files.exists(jsonOf(entry));
      if (!reused) {
        // Remove the remains of a crash between the two steps below, or during a removal.
        delete(entry);
        Files.move(files, entry, StandardCopyOption.ATOMIC_MOVE);
        writeJson(listing, entry, digests);
      }
      writeAtomically(
          root.resolve("sources").resolve(listing.version()),
          digest.getBytes(StandardCharsets.US_ASCII));
      FileLocks.Held lock =
          FileLocks.tryShared(lockOf(entry))
              .orElseThrow(() -> new IOException(entry + " is locked by a program unknown to us"));
      Files.setLastModifiedTime(lockOf(entry), FileTime.from(Instant.now()));
      return new CachedWeights(entry, digest, false, lock);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while waiting for " + root.resolve("cache.lock"), e);
    }
  }

  private void writeJson(CheckpointListing listing, Path entry, byte[][] digests)
      throws IOException {
    ObjectNode json = Json.MAPPER.createObjectNode();
    json.put("source", listing.source());
    json.put("bytes", listing.totalBytes());
    ArrayNode files = json.putArray("files");
    int next = 0;
    for (CheckpointListing.Item item : listing.items()) {
      ObjectNode file = files.addObject();
      file.put("path", item.path());
      file.put("size", item.size());
      file.put("modified", Files.getLastModifiedTime(entry.resolve(item.path())).toMillis());
      ArrayNode blocks = file.putArray("blocks");
      for (int i = 0; i < item.blocks(); i++) {
        blocks.add(HexFormat.of().formatHex(digests[next++]));
      }
    }
    writeAtomically(jsonOf(entry), Json.MAPPER.writeValueAsBytes(json));
  }

  private static void writeAtomically(Path file, byte[] content) throws IOException {
    Path temporary = Files.createTempFile(file.getParent(), ".write", "");
    try {
      try (FileChannel channel = FileChannel.open(temporary, StandardOpenOption.WRITE)) {
        java.nio.ByteBuffer bytes = java.nio.ByteBuffer.wrap(content);
        while (bytes.hasRemaining()) {
          channel.write(bytes);
        }
        channel.force(true);
      }
      Files.move(
          temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(temporary);
    }
  }

  /**
   * Removes unused entries until {@code listing} fits within the limit and on the disk.
   *
   * @param own the partial folder that is about to be filled
   */
  private void makeRoom(CheckpointListing listing, Path own)
      throws IOException, InterruptedException {
    long needed = listing.totalBytes();
    try (FileLocks.Held cacheLock = FileLocks.exclusive(root.resolve("cache.lock"))) {
      removeStalePartials(own);
      List<Path> entries = new ArrayList<>();
      long total = 0;
      for (Path json : children(root.resolve("entries"), ".json")) {
        String name = json.getFileName().toString();
        Path entry = json.resolveSibling(name.substring(0, name.length() - ".json".length()));
        entries.add(entry);
        total += size(entry);
      }
      entries.sort(Comparator.comparing(WeightsCache::lastUsed));
      for (Path entry : entries) {
        boolean overLimit = total + needed > maxBytes;
        if (!overLimit && free(own) >= needed) {
          break;
        }
        long bytes = size(entry);
        if (remove(entry)) {
          LOG.info("Evicted {} ({} MiB) from the cache of model weights", entry, bytes >> 20);
          total -= bytes;
        }
      }
      if (total + needed > maxBytes) {
        LOG.warn(
            "The cache of model weights in {} grows to {} MiB, beyond its limit of {} MiB: all"
                + " other entries are in use, or the model alone is larger",
            root,
            (total + needed) >> 20,
            maxBytes >> 20);
      }
    }
    if (free(own) < needed) {
      throw new WeightsException(
          "Cannot cache model "
              + listing.source()
              + " in "
              + root
              + ": it needs "
              + (needed >> 20)
              + " MiB and the disk has "
              + (Files.getFileStore(root).getUsableSpace() >> 20)
              + " MiB free; free some or choose another cache folder");
    }
  }

  /** The size to which {@code own} can grow, in bytes. */
  private long free(Path own) throws IOException {
    return Files.getFileStore(root).getUsableSpace() + allocated(own);
  }

  private void removeStalePartials(Path own) throws IOException {
    for (Path partial : children(root.resolve("partial"), "")) {
      if (!Files.isDirectory(partial) || partial.equals(own)) {
        continue;
      }
      Path journal = partial.resolve("journal");
      Instant last =
          Files.getLastModifiedTime(Files.exists(journal) ? journal : partial).toInstant();
      if (last.plus(STALE_PARTIAL).isAfter(Instant.now())) {
        continue;
      }
      Optional<FileLocks.Held> lock = FileLocks.tryExclusive(lockOf(partial));
      if (lock.isPresent()) {
        try (FileLocks.Held held = lock.get()) {
          delete(partial);
        }
      }
    }
  }

  /** Removes an entry; returns false if the entry is in use. */
  private boolean remove(Path entry) throws IOException {
    Optional<FileLocks.Held> lock = FileLocks.tryExclusive(lockOf(entry));
    if (lock.isEmpty()) {
      return false;
    }
    try (FileLocks.Held held = lock.get()) {
      // The list of files goes first: a partly removed entry must not look complete.
      Files.deleteIfExists(jsonOf(entry));
      delete(entry);
    }
    return true;
  }

  /** The exception for a failed write into the cache. */
  RuntimeException cannotWrite(CheckpointListing listing, IOException e) {
    String what = "Cannot cache model " + listing.source() + " in " + root + ": ";
    if (String.valueOf(e.getMessage()).contains("No space left")
        || String.valueOf(e.getMessage()).contains("Disk quota exceeded")) {
      return new DiskFull(
          what
              + "the disk is full ("
              + e.getMessage()
              + "), the model needs "
              + (listing.totalBytes() >> 20)
              + " MiB; free some or choose another cache folder",
          e);
    }
    return new WeightsException(what + e, e);
  }

  /** Distinguishes a full disk from other failures inside this package. */
  private static final class DiskFull extends RuntimeException {
    private static final long serialVersionUID = 1L;

    DiskFull(String message, IOException cause) {
      super(message, cause);
    }

    WeightsException toWeightsException() {
      return new WeightsException(getMessage(), getCause());
    }
  }

  private static Path lockOf(Path folder) {
    return folder.resolveSibling(folder.getFileName() + ".lock");
  }

  private static Path jsonOf(Path folder) {
    return folder.resolveSibling(folder.getFileName() + ".json");
  }

  private static FileTime lastUsed(Path entry) {
    try {
      return Files.getLastModifiedTime(lockOf(entry));
    } catch (IOException e) {
      // An entry without a lock file is not in use and is removed first.
      return FileTime.fromMillis(0);
    }
  }

  private static List<Path> children(Path folder, String suffix) throws IOException {
    try (Stream<Path> all = Files.list(folder)) {
      return all.filter(p -> p.getFileName().toString().endsWith(suffix)).sorted().toList();
    }
  }

  private static long size(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      return 0;
    }
    try (Stream<Path> all = Files.walk(folder)) {
      long total = 0;
      for (Path file : all.filter(Files::isRegularFile).toList()) {
        total += Files.size(file);
      }
      return total;
    }
  }

  /**
   * An estimate of the bytes on disk of a partial folder, whose files have holes; 0 without a
   * journal.
   */
  private static long allocated(Path partial) throws IOException {
    Path journal = partial.resolve("journal");
    if (!Files.exists(journal)) {
      return 0;
    }
    // Each journal line records one block of at most BLOCK_BYTES.
    long blocks = Files.readString(journal, StandardCharsets.ISO_8859_1).lines().distinct().count();
    return Math.min(blocks * CheckpointListing.BLOCK_BYTES, size(partial));
  }

  static void delete(Path folder) throws IOException {
    if (!Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    List<Path> all;
    try (Stream<Path> walk = Files.walk(folder)) {
      all = walk.sorted(Comparator.reverseOrder()).toList();
    }
    for (Path path : all) {
      Files.deleteIfExists(path);
    }
  }
}
