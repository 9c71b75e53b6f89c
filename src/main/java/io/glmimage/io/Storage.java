package io.glmimage.io;

import io.glmimage.error.Redaction;
import io.glmimage.error.UsageException;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.File;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.CommonPathCapabilities;
import org.apache.hadoop.fs.EtagSource;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FileAlreadyExistsException;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.MultipartUploader;
import org.apache.hadoop.fs.ParentNotDirectoryException;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.hadoop.fs.RemoteIterator;
import org.apache.hadoop.security.AccessControlException;
import org.apache.hadoop.util.functional.FutureIO;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Files on any Hadoop file system, named by URI or path ({@code s3a://}, {@code hdfs://}, {@code
 * file:}, a plain path); see {@link Locations} for the rules. Written files appear whole or not at
 * all. All methods throw {@link IOException} with the path in its message. A {@link
 * io.glmimage.error.JobException} reports a failure of the place itself, such as a full disk.
 */
public final class Storage {
  private static final Logger LOG = LoggerFactory.getLogger(Storage.class);

  private static final int CHUNK_BYTES = 1 << 16;

  /** The longest key of an S3 object. */
  private static final int LONGEST_KEY_BYTES = 1024;

  private final Configuration configuration;
  private final Locations locations;
  private final Retries retries;

  /** Folders that are known to exist. */
  private final Set<Path> made = ConcurrentHashMap.newKeySet();

  public Storage(Configuration configuration) {
    this(configuration, Retries.DEFAULT);
  }

  public Storage(Configuration configuration, Retries retries) {
    this.configuration = configuration;
    this.locations = new Locations(configuration);
    this.retries = retries;
  }

  /** What this storage was opened with, for executors. */
  public HadoopSettings settings() {
    return new HadoopSettings(configuration, retries);
  }

  /** Whether there is a file or folder. */
  public boolean exists(String path) throws IOException {
    Path file = locations.path(path);
    return retries.call("look for", path, () -> fileSystem(file).exists(file));
  }

  /**
   * Whether there can be a file with this name: a local one can have only characters of the locale.
   */
  public boolean canName(String path) {
    try {
      locations.local(path);
      return true;
    } catch (LastingException e) {
      return false;
    }
  }

  /** Whether the path is a folder; false if nothing exists there. */
  public boolean isFolder(String path) throws IOException {
    Path file = locations.path(path);
    try {
      return retries.call(
          "look for", path, () -> fileSystem(file).getFileStatus(file).isDirectory());
    } catch (FileNotFoundException e) {
      return false;
    }
  }

  /**
   * Size, time and tag of a file.
   *
   * @throws FileNotFoundException if there is no such file
   */
  public StoredFile stat(String path) throws IOException {
    Path file = locations.path(path);
    return retries.call(
        "look for",
        path,
        () -> {
          FileStatus status = forReading(file).getFileStatus(file);
          if (status.isDirectory()) {
            throw new FileNotFoundException(path + " is a folder");
          }
          return stored(status);
        });
  }

  /** All files below a folder, at any depth, sorted by path; empty if there is no such folder. */
  public List<StoredFile> files(String folder) throws IOException {
    Path path = locations.path(folder);
    try {
      return retries.call(
          "list",
          folder,
          () -> {
            List<StoredFile> files = new ArrayList<>();
            FolderWalk.visit(fileSystem(path), path, true, status -> files.add(stored(status)));
            files.sort(Comparator.comparing(StoredFile::path));
            return files;
          });
    } catch (FileNotFoundException e) {
      return List.of();
    }
  }

  /**
   * The path with its scheme and authority, for messages, tables and Spark.
   *
   * @throws UsageException if the path is invalid
   */
  public String qualified(String path) throws IOException {
    try {
      return locations.qualified(path).toString();
    } catch (LastingException e) {
      throw new UsageException(e.getMessage(), e);
    }
  }

  /** The folder that holds this file or folder; the path itself at the root. */
  public String parent(String path) throws IOException {
    Path qualified = locations.qualified(path);
    Path parent = qualified.getParent();
    return (parent == null ? qualified : parent).toString();
  }

  /** The names of files and folders directly in a folder, sorted; empty without such a folder. */
  public List<String> names(String folder) throws IOException {
    Path path = locations.path(folder);
    try {
      return retries.call(
          "list",
          folder,
          () ->
              Arrays.stream(fileSystem(path).listStatus(path))
                  .map(status -> status.getPath().getName())
                  .sorted()
                  .toList());
    } catch (FileNotFoundException e) {
      return List.of();
    }
  }

  /**
   * Reads a whole file.
   *
   * @throws FileNotFoundException if there is no such file
   * @throws IOException if it cannot be read, is a folder or is larger than {@code maxBytes}
   */
  public byte[] read(String path, long maxBytes) throws IOException {
    return open(path, maxBytes).bytes();
  }

  /** Like {@link #read}, with size, time and tag of the file at the moment it was opened. */
  public StoredBytes open(String path, long maxBytes) throws IOException {
    Path file = locations.path(path);
    return retries.call("read", path, () -> openOnce(file, maxBytes));
  }

  private StoredBytes openOnce(Path file, long maxBytes) throws IOException {
    FileStatus status = readable(file, maxBytes);
    try (FSDataInputStream in = open(file, status)) {
      ByteArrayOutputStream bytes = new ByteArrayOutputStream((int) status.getLen());
      byte[] chunk = new byte[CHUNK_BYTES];
      for (int n = in.read(chunk); n >= 0; n = in.read(chunk)) {
        if (bytes.size() + (long) n > maxBytes) {
          throw new LastingException(
              "Cannot read " + file + ": it is larger than " + maxBytes + " bytes");
        }
        bytes.write(chunk, 0, n);
      }
      if (bytes.size() < status.getLen()) {
        throw new EOFException(
            "Cannot read "
                + file
                + ": it ended after "
                + bytes.size()
                + " of "
                + status.getLen()
                + " bytes");
      }
      return new StoredBytes(stored(status), bytes.toByteArray());
    }
  }

  /** The status of a file that may be read: no folder, and not too large. */
  private FileStatus readable(Path file, long maxBytes) throws IOException {
    FileSystem fileSystem = forReading(file);
    if (Locations.isObjectStore(fileSystem)
        && file.toUri().getPath().getBytes(StandardCharsets.UTF_8).length > LONGEST_KEY_BYTES) {
      // S3 answers such keys with the same status 400 as expired credentials.
      throw new LastingException(
          "Cannot read " + file + ": its key is longer than " + LONGEST_KEY_BYTES + " bytes");
    }
    FileStatus status = fileSystem.getFileStatus(file);
    if (status.isDirectory()) {
      throw new FileNotFoundException(file + " is a folder");
    }
    if (status.getLen() > maxBytes) {
      throw new LastingException(
          "Cannot read " + file + ": it is larger than " + maxBytes + " bytes");
    }
    return status;
  }

  private FSDataInputStream open(Path file, FileStatus status) throws IOException {
    // The status saves S3A a request.
    return FutureIO.awaitFuture(fileSystem(file).openFile(file).withFileStatus(status).build());
  }

  /** The first {@code bytes} of a file, or all of a shorter one. */
  public byte[] head(String path, int bytes) throws IOException {
    Path file = locations.path(path);
    return retries.call(
        "read",
        path,
        () -> {
          try (FSDataInputStream in = forReading(file).open(file)) {
            return in.readNBytes(bytes);
          }
        });
  }

  /**
   * Like {@link #head(String, int)}, with the same failures as {@link #open(String, long)}.
   *
   * @throws IOException if the file cannot be read, is a folder or is larger than {@code maxBytes}
   */
  public byte[] head(String path, int bytes, long maxBytes) throws IOException {
    Path file = locations.path(path);
    return retries.call(
        "read",
        path,
        () -> {
          FileStatus status = readable(file, maxBytes);
          try (FSDataInputStream in = open(file, status)) {
            return in.readNBytes(bytes);
          }
        });
  }

  /**
   * Pieces of a large file, one after the other. Few other bytes are read.
   *
   * @param offsets where the pieces begin
   * @param length of a piece in bytes; pieces at the end of the file may be shorter
   */
  public byte[] pieces(String path, List<Long> offsets, int length) throws IOException {
    Path file = locations.path(path);
    return retries.call(
        "read",
        path,
        () -> {
          ByteArrayOutputStream pieces = new ByteArrayOutputStream();
          byte[] piece = new byte[length];
          try (FSDataInputStream in = openForPieces(file)) {
            for (long offset : offsets) {
              in.seek(offset);
              pieces.write(piece, 0, in.readNBytes(piece, 0, length));
            }
          }
          return pieces.toByteArray();
        });
  }

  private FSDataInputStream openForPieces(Path file) throws IOException {
    // By default S3A requests the rest of the file for each piece, and then breaks the connection.
    return FutureIO.awaitFuture(
        fileSystem(file).openFile(file).opt("fs.s3a.experimental.input.fadvise", "random").build());
  }

  /**
   * Opens a file for reading from its start to its end. Only opening is tried again: a read that
   * fails later is repeated by the file system itself, or not at all.
   */
  public InputStream open(String path) throws IOException {
    Path file = locations.path(path);
    return retries.call("read", path, () -> forReading(file).open(file));
  }

  /** The content of a file; written again from its start if an attempt fails. */
  @FunctionalInterface
  public interface Content {
    void writeTo(OutputStream out) throws IOException;
  }

  /**
   * Refuses the path of a folder for a file that is to be written.
   *
   * @throws UsageException if there is a folder, or the path is invalid
   */
  public void refuseFolder(String option, String path) throws IOException {
    if (isFolder(qualified(path))) {
      throw new UsageException(
          "Invalid " + option + ": " + path + " is a folder; name the file to write");
    }
  }

  /** Writes a whole file, replacing an earlier one, and makes the folders above it. */
  public void write(String path, byte[] bytes) throws IOException {
    write(path, out -> out.write(bytes));
  }

  /**
   * Writes a file of any length whole, replacing an earlier one. If the content fails half-way,
   * nothing appears.
   */
  public void write(String path, Content content) throws IOException {
    Path file = locations.path(path);
    write(file, content, Map.of(), file.getParent());
  }

  /**
   * Like {@link #write(String, byte[])}, with temporary files in a separate folder. The remains of
   * killed writers can then be found without listing the finished files.
   *
   * @param metadata kept with the object by S3A of Hadoop 3.3.5 and later ({@code x-amz-meta-...}),
   *     ignored elsewhere; names in lower case, names and values in ASCII
   * @param temporaryFolder on the same file system; not used on object stores
   */
  public void write(String path, byte[] bytes, Map<String, String> metadata, String temporaryFolder)
      throws IOException {
    Path file = locations.path(path);
    Path folder = file.getParent();
    if (!Locations.isObjectStore(fileSystem(file)) && !made.contains(folder)) {
      // A local rename into a missing folder would become a copy, which can be seen half-written.
      retries.call(
          "make",
          folder.toString(),
          () -> {
            WholeFiles.makeFolder(fileSystem(folder), folder);
            return null;
          });
      made.add(folder);
    }
    write(file, out -> out.write(bytes), metadata, locations.path(temporaryFolder));
  }

  private void write(Path file, Content content, Map<String, String> metadata, Path temporaryFolder)
      throws IOException {
    retries.call(
        "write",
        file.toString(),
        () -> {
          WholeFiles.write(fileSystem(file), file, content, metadata, temporaryFolder);
          return null;
        });
  }

  /**
   * Tries to write below a folder, which need not exist. Nothing is left behind: where the folder
   * is missing, the nearest folder above it is tried.
   *
   * @param content what is written, so that a full disk is found
   * @throws LastingException if the folder cannot be made or written
   */
  public void tryToWrite(String folder, byte[] content) throws IOException {
    Path wanted = locations.path(folder);
    retries.call(
        "write to",
        folder,
        () -> {
          FileSystem fileSystem = fileSystem(wanted);
          Path there =
              Locations.isObjectStore(fileSystem) ? wanted : nearestFolder(fileSystem, wanted);
          Path probe = new Path(there, ".glm-image-" + UUID.randomUUID());
          try {
            WholeFiles.write(
                fileSystem, new Path(probe, "probe"), out -> out.write(content), Map.of(), probe);
          } catch (AccessDeniedException | AccessControlException e) {
            deleteAfter(e, fileSystem, probe);
            String why = S3Advice.of(e).orElse("permission denied in " + there);
            throw new LastingException("Cannot write to " + folder + ": " + why, e);
          } catch (IOException | RuntimeException | Error e) {
            // A full local disk is an Error.
            deleteAfter(e, fileSystem, probe);
            throw e;
          }
          fileSystem.delete(probe, true);
          return null;
        });
  }

  /** Deletes what a failed write may have left. The first failure counts. */
  private static void deleteAfter(Throwable first, FileSystem fileSystem, Path path) {
    try {
      fileSystem.delete(path, true);
    } catch (IOException e) {
      first.addSuppressed(e);
    }
  }

  /** The folder itself, or the nearest one above it that exists. */
  private static Path nearestFolder(FileSystem fileSystem, Path folder) throws IOException {
    Path there = fileSystem.makeQualified(folder);
    while (true) {
      try {
        if (fileSystem.getFileStatus(there).isDirectory()) {
          return there;
        }
        throw new LastingException(
            "Cannot write to " + folder + ": " + there + " is a file, not a folder");
      } catch (FileNotFoundException | ParentNotDirectoryException e) {
        if (there.getParent() == null) {
          throw e;
        }
        there = there.getParent();
      }
    }
  }

  /**
   * Whether a path is a folder or is below it. Symbolic links on the local disk are followed.
   *
   * @param path need not exist
   */
  public boolean isWithin(String path, String folder) throws IOException {
    return areLocal(path, folder)
        ? isWithinLocally(path, folder)
        : isWithinByName(qualified(path), qualified(folder));
  }

  /**
   * As {@link #isWithin}, without connecting to a remote file system: paths from a stranger may
   * name any host. Names that only the file system could tell to be equal are different here.
   */
  public boolean isWithinUnopened(String path, String folder) throws IOException {
    return areLocal(path, folder)
        ? isWithinLocally(path, folder)
        : isWithinByName(locations.unopened(path), locations.unopened(folder));
  }

  private boolean areLocal(String path, String folder) throws IOException {
    return local(path) != null && local(folder) != null;
  }

  private boolean isWithinLocally(String path, String folder) throws IOException {
    return realPath(local(path)).startsWith(realPath(local(folder)));
  }

  private static boolean isWithinByName(String path, String folder) {
    return (path + "/").startsWith(folder.endsWith("/") ? folder : folder + "/");
  }

  private static java.nio.file.Path realPath(java.nio.file.Path path) throws IOException {
    java.nio.file.Path there = path.normalize();
    java.nio.file.Path rest = there.getFileSystem().getPath("");
    while (there.getParent() != null && !Files.exists(there)) {
      rest = there.getFileName().resolve(rest);
      there = there.getParent();
    }
    return there.toRealPath().resolve(rest).normalize();
  }

  /**
   * Writes a file unless it exists.
   *
   * @return whether the file was written. On a local disk and on HDFS exactly one of several
   *     writers gets true; on object stores all writers that start at the same time may get true
   */
  public boolean writeNew(String path, byte[] bytes) throws IOException {
    Path file = locations.path(path);
    java.nio.file.Path local = local(path);
    try {
      return Retries.once("write", path, () -> writeNewOnce(path, file, local, bytes));
    } catch (java.nio.file.FileAlreadyExistsException | FileAlreadyExistsException e) {
      return false;
    }
  }

  private boolean writeNewOnce(String path, Path file, java.nio.file.Path local, byte[] bytes)
      throws IOException {
    FileSystem fileSystem = fileSystem(file);
    if (local != null) {
      // Hadoop's local file system checks and creates in two steps.
      WholeFiles.makeFolder(fileSystem, file.getParent());
      Files.write(local, bytes, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
      return true;
    }
    if (Locations.isObjectStore(fileSystem)) {
      if (exists(path)) {
        return false;
      }
      write(path, bytes);
      return true;
    }
    try (OutputStream out = fileSystem.create(file, false)) {
      out.write(bytes);
    }
    return true;
  }

  /** Whether this path is on an object store, where files cannot be created exclusively. */
  public boolean isObjectStore(String path) throws IOException {
    return Locations.isObjectStore(fileSystem(locations.path(path)));
  }

  /**
   * The file itself, or the files directly in a folder without hidden ones, sorted.
   *
   * @throws FileNotFoundException if there is neither
   */
  public List<String> filesIn(String path) throws IOException {
    Path root = locations.path(path);
    FileStatus[] all = retries.call("list", path, () -> fileSystem(root).listStatus(root));
    List<String> files = new ArrayList<>();
    for (FileStatus status : all) {
      String name = status.getPath().getName();
      if (status.isFile() && !name.startsWith("_") && !name.startsWith(".")) {
        files.add(status.getPath().toString());
      }
    }
    files.sort(null);
    return files;
  }

  /** Takes the paths in a folder, each with its scheme. */
  public interface FileVisitor {
    void file(String path);

    /** A symbolic link whose target does not exist, on the local disk. */
    default void brokenLink(String path) {}

    /** A pipe, a socket or a device on the local disk: reading it could block for ever. */
    default void device(String path) {}
  }

  /**
   * Calls the visitor for each file below a folder without collecting the files. Symbolic links to
   * folders are followed, but each folder is visited once.
   */
  public void forEachFile(String folder, boolean recursive, FileVisitor visitor)
      throws IOException {
    Path root = locations.path(folder);
    FileSystem fileSystem = fileSystem(root);
    FolderWalk.visit(
        fileSystem,
        root,
        recursive,
        new FolderWalk.Visitor() {
          @Override
          public void file(FileStatus status) {
            String path = status.getPath().toString();
            if (isDevice(fileSystem, status.getPath())) {
              visitor.device(path);
            } else {
              visitor.file(path);
            }
          }

          @Override
          public void brokenLink(Path path) {
            visitor.brokenLink(path.toString());
          }
        });
  }

  /**
   * The path itself, or the paths below a folder, that are symbolic links whose targets do not
   * exist. They are no files in any listing. Only the local disk has links.
   */
  public List<String> brokenLinks(String path, boolean recursive) throws IOException {
    Path root = locations.path(path);
    List<String> broken = new ArrayList<>();
    if (fileSystem(root) instanceof RawLocalFileSystem local) {
      File file = local.pathToFile(root);
      if (FolderWalk.isBrokenLink(file)) {
        broken.add(local.makeQualified(root).toString());
      } else if (file.isDirectory()) {
        FolderWalk.visit(
            local,
            root,
            recursive,
            new FolderWalk.Visitor() {
              @Override
              public void file(FileStatus status) {}

              @Override
              public void brokenLink(Path link) {
                broken.add(local.makeQualified(link).toString());
              }
            });
      }
    }
    return broken;
  }

  /** The names of the folders directly in a folder. */
  public List<String> folderNames(String folder) throws IOException {
    Path root = locations.path(folder);
    List<String> names = new ArrayList<>();
    RemoteIterator<FileStatus> children = fileSystem(root).listStatusIterator(root);
    while (children.hasNext()) {
      FileStatus child = children.next();
      if (child.isDirectory()) {
        names.add(child.getPath().getName());
      }
    }
    return names;
  }

  /**
   * Aborts multipart uploads that killed writers have left below a folder. An object store keeps
   * their parts, invisible but paid for. The caller must be the only writer there. A failure is
   * only logged, because aborting needs extra permissions.
   */
  public void abortUploads(String folder) throws IOException {
    Path path = locations.path(folder);
    FileSystem fileSystem = fileSystem(path);
    if (!Locations.isObjectStore(fileSystem)
        || !fileSystem.hasPathCapability(path, CommonPathCapabilities.FS_MULTIPART_UPLOADER)) {
      return;
    }
    try (MultipartUploader uploader = fileSystem.createMultipartUploader(path).build()) {
      int aborted = FutureIO.awaitFuture(uploader.abortUploadsUnderPath(path));
      if (aborted > 0) {
        LOG.info("Aborted {} unfinished uploads below {}", aborted, folder);
      }
    } catch (IOException | UnsupportedOperationException e) {
      LOG.warn(
          "Cannot abort unfinished uploads below {}; a lifecycle rule of the bucket can: {}",
          folder,
          Redaction.ofPatterns().apply(e.toString()));
    }
  }

  /** Deletes a file, or a folder with its content; does nothing if neither exists. */
  public void delete(String path) throws IOException {
    Path file = locations.path(path);
    retries.call("delete", path, () -> fileSystem(file).delete(file, true));
  }

  /** A model folder, for reading. */
  public FileSource checkpoint(String folder) throws IOException {
    return CheckpointSource.open(folder, configuration);
  }

  /**
   * The same place as a local path, or null if it is on another file system.
   *
   * @throws IOException if the path is invalid
   */
  public java.nio.file.Path local(String path) throws IOException {
    return locations.local(path).orElse(null);
  }

  /** The file system of a file that is read. A pipe could block for ever. */
  private FileSystem forReading(Path file) throws IOException {
    FileSystem fileSystem = fileSystem(file);
    if (isDevice(fileSystem, file)) {
      throw new LastingException(
          "Cannot read " + file + ": it is a pipe or a device; copy its content to a file");
    }
    return fileSystem;
  }

  private static boolean isDevice(FileSystem fileSystem, Path path) {
    if (fileSystem instanceof RawLocalFileSystem local) {
      File file = local.pathToFile(path);
      return !file.isFile() && file.exists() && !file.isDirectory();
    }
    return false;
  }

  private FileSystem fileSystem(Path path) throws IOException {
    return locations.fileSystem(path);
  }

  private static StoredFile stored(FileStatus status) {
    return new StoredFile(
        status.getPath().toString(),
        status.getLen(),
        status.getModificationTime(),
        status instanceof EtagSource tagged ? tagged.getEtag() : null);
  }
}
