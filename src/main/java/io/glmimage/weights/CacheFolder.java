package io.glmimage.weights;

import io.glmimage.error.WeightsException;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The layout of the weights cache on a node's disk.
 *
 * <pre>
 * root/entries/DIGEST/       the checkpoint folder, in the layout of its source
 * root/entries/DIGEST.json   files, sizes and block checksums; exists only for a complete entry
 * root/entries/DIGEST.lock   shared for use, exclusive for removal; its age gives the LRU order
 * root/sources/VERSION       the content digest of a source's version
 * root/partial/VERSION/      a checkpoint that is being received, under VERSION.lock
 * root/cache.lock            held during publication and eviction
 * </pre>
 */
final class CacheFolder {
  private static final String LIST = ".json";
  private static final String LOCK = ".lock";

  private final Path root;

  private CacheFolder(Path root) {
    this.root = root;
  }

  /**
   * @param folder created, readable for this user only, if missing
   * @throws WeightsException if the folder cannot be used or belongs to another user
   */
  static CacheFolder open(Path folder) {
    Path root = folder.toAbsolutePath().normalize();
    try {
      create(root);
      requireOwn(root);
      for (String part : List.of("entries", "sources", "partial")) {
        Files.createDirectories(root.resolve(part));
      }
    } catch (IOException e) {
      throw new WeightsException(
          "Cannot use " + root + " as the cache of model weights: " + e + "; choose another folder",
          e);
    }
    return new CacheFolder(root);
  }

  private static void create(Path root) throws IOException {
    if (Files.isDirectory(root)) {
      return;
    }
    Files.createDirectories(root.getParent());
    try {
      if (FileSystems.getDefault().supportedFileAttributeViews().contains("posix")) {
        Files.createDirectory(
            root,
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
      } else {
        Files.createDirectory(root);
      }
    } catch (FileAlreadyExistsException e) {
      // Another process may have created the folder at the same time.
      if (!Files.isDirectory(root)) {
        throw e;
      }
    }
  }

  /** Other users could place weights in a folder that they may write to. */
  private static void requireOwn(Path root) throws IOException {
    Path probe = Files.createTempFile(root, ".owner", "");
    try {
      if (!Files.getOwner(probe).equals(Files.getOwner(root, LinkOption.NOFOLLOW_LINKS))) {
        throw new WeightsException(
            "Cannot use "
                + root
                + " as the cache of model weights: it belongs to "
                + Files.getOwner(root)
                + "; choose another folder");
      }
    } finally {
      Files.deleteIfExists(probe);
    }
  }

  Path root() {
    return root;
  }

  /** Waits for the lock that publication and eviction hold. */
  FileLocks.Held lock() throws IOException, InterruptedException {
    return FileLocks.exclusive(root.resolve("cache.lock"));
  }

  Path entry(String digest) {
    return root.resolve("entries").resolve(digest);
  }

  /** The file with the content digest of a source's version. */
  Path source(String version) {
    return root.resolve("sources").resolve(version);
  }

  Path partial(String version) {
    return root.resolve("partial").resolve(version);
  }

  /** The folders of all complete entries. */
  List<Path> entries() throws IOException {
    List<Path> entries = new ArrayList<>();
    for (Path list : FileTrees.children(root.resolve("entries"), LIST)) {
      String name = list.getFileName().toString();
      entries.add(list.resolveSibling(name.substring(0, name.length() - LIST.length())));
    }
    return entries;
  }

  /** The folders of all checkpoints that are or were being received. */
  List<Path> partials() throws IOException {
    return FileTrees.children(root.resolve("partial"), "").stream()
        .filter(Files::isDirectory)
        .toList();
  }

  /** The free space of the disk in bytes. */
  long usableBytes() throws IOException {
    return Files.getFileStore(root).getUsableSpace();
  }

  /** The lock of an entry or of a partial folder. */
  static Path lockOf(Path folder) {
    return folder.resolveSibling(folder.getFileName() + LOCK);
  }

  /** The {@link EntryList} of an entry. */
  static Path listOf(Path entry) {
    return entry.resolveSibling(entry.getFileName() + LIST);
  }

  /** The record of the blocks that a partial folder has. */
  static Path journalOf(Path partial) {
    return partial.resolve("journal");
  }

  /** Makes the entry the most recently used one, also after the clock was set back. */
  static void touch(Path entry) throws IOException {
    Instant now = Instant.now();
    for (Path lock : FileTrees.children(entry.getParent(), LOCK)) {
      Instant used = Files.getLastModifiedTime(lock).toInstant();
      now = now.isAfter(used) ? now : used.plusMillis(1);
    }
    Files.setLastModifiedTime(lockOf(entry), FileTime.from(now));
  }

  static FileTime lastUsed(Path entry) {
    try {
      return Files.getLastModifiedTime(lockOf(entry));
    } catch (IOException e) {
      // An entry without a lock file is not in use and is removed first.
      return FileTime.fromMillis(0);
    }
  }

  /** Removes an entry; returns false if the entry is in use. */
  static boolean remove(Path entry) throws IOException {
    Optional<FileLocks.Held> lock = FileLocks.tryExclusive(lockOf(entry));
    if (lock.isEmpty()) {
      return false;
    }
    try (FileLocks.Held held = lock.get()) {
      // The list of files goes first: a partly removed entry must not look complete.
      Files.deleteIfExists(listOf(entry));
      FileTrees.delete(entry);
    }
    return true;
  }
}
