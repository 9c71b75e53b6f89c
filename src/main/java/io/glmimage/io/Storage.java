package io.glmimage.io;

import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.CommonPathCapabilities;
import org.apache.hadoop.fs.EtagSource;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FSDataOutputStreamBuilder;
import org.apache.hadoop.fs.FileAlreadyExistsException;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.LocalFileSystem;
import org.apache.hadoop.fs.LocatedFileStatus;
import org.apache.hadoop.fs.MultipartUploader;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.hadoop.fs.RemoteIterator;
import org.apache.hadoop.util.functional.FutureIO;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Files on any Hadoop file system, named by URI or path ({@code s3a://}, {@code hdfs://}, {@code
 * file:}, a plain path). Whatever is written appears whole or not at all: by one PUT on object
 * stores, by a temporary file and a rename elsewhere. All methods throw {@link IOException} with
 * the path in its message.
 */
public final class Storage {
  private static final Logger LOG = LoggerFactory.getLogger(Storage.class);

  /**
   * On these a file becomes visible when its stream is closed, and a rename would be a copy. An
   * unlisted object store still works, by rename.
   */
  private static final Set<String> OBJECT_STORES =
      Set.of("s3a", "s3", "s3n", "gs", "oss", "obs", "cos", "cosn", "tos", "swift");

  private static final int CHUNK_BYTES = 1 << 16;

  private static final int LONGEST_KEY_BYTES = 1024;

  /** S3A's, since Hadoop 3.3.5. */
  private static final String METADATA_OPTION = "fs.s3a.create.header.";

  /** How the name of a file that is being written ends. */
  private static final String TEMPORARY = ".tmp";

  private final Configuration configuration;
  private final Retries retries;

  /** Folders that are there. */
  private final Set<Path> made = ConcurrentHashMap.newKeySet();

  public Storage(Configuration configuration) {
    this(configuration, Retries.DEFAULT);
  }

  public Storage(Configuration configuration, Retries retries) {
    this.configuration = configuration;
    this.retries = retries;
  }

  public boolean exists(String path) throws IOException {
    Path file = path(path);
    return retries.call("look for " + path, () -> fileSystem(file).exists(file));
  }

  /** Whether the path is a folder; false if there is nothing. */
  public boolean isFolder(String path) throws IOException {
    Path file = path(path);
    try {
      return retries.call(
          "look for " + path, () -> fileSystem(file).getFileStatus(file).isDirectory());
    } catch (FileNotFoundException e) {
      return false;
    }
  }

  /**
   * What the file system says of a file.
   *
   * @throws FileNotFoundException if there is no such file
   */
  public StoredFile stat(String path) throws IOException {
    Path file = path(path);
    return retries.call(
        "look for " + path,
        () -> {
          FileStatus status = fileSystem(file).getFileStatus(file);
          if (status.isDirectory()) {
            throw new FileNotFoundException(path + " is a folder");
          }
          return stored(status);
        });
  }

  /** All files below a folder, at any depth; empty if there is no such folder. */
  public List<StoredFile> files(String folder) throws IOException {
    Path path = path(folder);
    try {
      return retries.call(
          "list " + folder,
          () -> {
            List<StoredFile> files = new ArrayList<>();
            walk(fileSystem(path), path, true, status -> files.add(stored(status)));
            files.sort(Comparator.comparing(StoredFile::path));
            return files;
          });
    } catch (FileNotFoundException e) {
      return List.of();
    }
  }

  /** The path with its scheme and authority, as messages and tables name it. */
  public String qualified(String path) throws IOException {
    Path file = path(path);
    return fileSystem(file).makeQualified(file).toString();
  }

  /** The folder that holds this file or folder; the path itself at the root. */
  public String parent(String path) throws IOException {
    Path qualified = path(qualified(path));
    Path parent = qualified.getParent();
    return (parent == null ? qualified : parent).toString();
  }

  /** Names of what lies directly in a folder, sorted; empty if there is no such folder. */
  public List<String> names(String folder) throws IOException {
    Path path = path(folder);
    try {
      return retries.call(
          "list " + folder,
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
   * @throws FileNotFoundException if there is no such file
   * @throws IOException if it cannot be read, is a folder or is larger than {@code maxBytes}
   */
  public byte[] read(String path, long maxBytes) throws IOException {
    return open(path, maxBytes).bytes();
  }

  /** Like {@link #read}, with what the file system said of the file that was opened. */
  public StoredBytes open(String path, long maxBytes) throws IOException {
    Path file = path(path);
    return retries.call("read " + path, () -> openOnce(file, maxBytes));
  }

  private StoredBytes openOnce(Path file, long maxBytes) throws IOException {
    FileSystem fileSystem = fileSystem(file);
    if (isObjectStore(fileSystem)
        && file.toUri().getPath().getBytes(StandardCharsets.UTF_8).length > LONGEST_KEY_BYTES) {
      // S3 would answer with the same 400 as to expired credentials.
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
    // With the status at hand S3A opens without asking for it again.
    try (FSDataInputStream in =
        FutureIO.awaitFuture(fileSystem.openFile(file).withFileStatus(status).build())) {
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

  /** The first {@code bytes} of a file, or all of a shorter one. */
  public byte[] head(String path, int bytes) throws IOException {
    Path file = path(path);
    return retries.call(
        "read " + path,
        () -> {
          try (FSDataInputStream in = fileSystem(file).open(file)) {
            return in.readNBytes(bytes);
          }
        });
  }

  /**
   * Pieces of a large file, one after the other, with few bytes read besides.
   *
   * @param offsets where pieces begin; each has {@code length} bytes, or fewer at the file's end
   */
  public byte[] pieces(String path, List<Long> offsets, int length) throws IOException {
    Path file = path(path);
    return retries.call(
        "read " + path,
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
    // S3A would ask for the rest of the file at each piece, and break the connection off.
    return FutureIO.awaitFuture(
        fileSystem(file).openFile(file).opt("fs.s3a.experimental.input.fadvise", "random").build());
  }

  /** Writes a file whole, replacing an earlier one; folders above it are made. */
  public void write(String path, byte[] bytes) throws IOException {
    Path file = path(path);
    write(file, bytes, Map.of(), file.getParent());
  }

  /**
   * As {@link #write(String, byte[])}, with half-written files in a folder of their own: what
   * writers that were killed have left there is found without a look at all that is finished.
   *
   * @param metadata is kept with the object by S3A of Hadoop 3.3.5 and later ({@code
   *     x-amz-meta-...}), and nowhere else; names in lower case, names and values in ASCII
   * @param temporaryFolder on the same file system; not used on object stores
   */
  public void write(String path, byte[] bytes, Map<String, String> metadata, String temporaryFolder)
      throws IOException {
    Path file = path(path);
    Path folder = file.getParent();
    if (!isObjectStore(fileSystem(file)) && !made.contains(folder)) {
      // A local rename into a folder that is not there would become a copy, which can be seen half.
      retries.call("make " + folder, () -> fileSystem(folder).mkdirs(folder));
      made.add(folder);
    }
    write(file, bytes, metadata, path(temporaryFolder));
  }

  private void write(Path file, byte[] bytes, Map<String, String> metadata, Path temporaryFolder)
      throws IOException {
    retries.call(
        "write " + file,
        () -> {
          writeOnce(file, bytes, metadata, temporaryFolder);
          return null;
        });
  }

  private void writeOnce(
      Path file, byte[] bytes, Map<String, String> metadata, Path temporaryFolder)
      throws IOException {
    FileSystem fileSystem = fileSystem(file);
    if (isObjectStore(fileSystem)) {
      put(fileSystem, file, bytes, metadata);
      return;
    }
    // Hidden from Spark and Hadoop by the dot, and never the same for two attempts.
    Path temporary = new Path(temporaryFolder, "." + UUID.randomUUID() + TEMPORARY);
    boolean renamed = false;
    try {
      try (OutputStream out = create(fileSystem, temporary)) {
        out.write(bytes);
      }
      renamed = fileSystem.rename(temporary, file);
      if (!renamed) {
        // HDFS does not rename onto an existing file.
        fileSystem.delete(file, false);
        renamed = fileSystem.rename(temporary, file);
      }
      if (!renamed) {
        throw new IOException("Cannot write " + file + ": the temporary file cannot be renamed");
      }
    } finally {
      if (!renamed) {
        fileSystem.delete(temporary, false);
      }
    }
  }

  /** The object appears when its stream is closed, so a stream that failed must not be. */
  private static void put(
      FileSystem fileSystem, Path file, byte[] bytes, Map<String, String> metadata)
      throws IOException {
    FSDataOutputStream out = createObject(fileSystem, file, metadata);
    try {
      out.write(bytes);
    } catch (IOException | RuntimeException | Error e) {
      if (out.hasCapability(CommonPathCapabilities.ABORTABLE_STREAM)) {
        out.abort();
      }
      throw e;
    }
    out.close();
  }

  private static FSDataOutputStream createObject(
      FileSystem fileSystem, Path file, Map<String, String> metadata) throws IOException {
    if (metadata.isEmpty()) {
      return fileSystem.create(file, true);
    }
    FSDataOutputStreamBuilder<?, ?> builder =
        fileSystem.createFile(file).create().overwrite(true).recursive();
    // Options, not requirements: file systems that do not know them write the file all the same.
    metadata.forEach((name, value) -> builder.opt(METADATA_OPTION + name, value));
    return builder.build();
  }

  /**
   * Writes a file unless there is one.
   *
   * @return whether it was written. On a local disk and HDFS exactly one of several writers gets
   *     true; on object stores all that start at the same time may
   */
  public boolean writeNew(String path, byte[] bytes) throws IOException {
    Path file = path(path);
    FileSystem fileSystem = fileSystem(file);
    java.nio.file.Path local = local(path);
    try {
      if (local != null) {
        // Hadoop's local file system looks first and creates then.
        Files.createDirectories(local.getParent());
        Files.write(local, bytes, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
        return true;
      }
      if (isObjectStore(fileSystem)) {
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
    } catch (java.nio.file.FileAlreadyExistsException | FileAlreadyExistsException e) {
      return false;
    }
  }

  /** Whether this path is on an object store, where nothing can be created exclusively. */
  public boolean isObjectStore(String path) throws IOException {
    return isObjectStore(fileSystem(path(path)));
  }

  /** What is written into a file; asked for it again from its start where writing is repeated. */
  @FunctionalInterface
  public interface Content {
    void writeTo(OutputStream out) throws IOException;
  }

  /**
   * Writes a file of any length whole, replacing an earlier one; if the content fails half-way,
   * nothing appears.
   */
  public void write(String path, Content content) throws IOException {
    Path file = path(path);
    retries.call(
        "write " + path,
        () -> {
          writeOnce(file, content);
          return null;
        });
  }

  private void writeOnce(Path file, Content content) throws IOException {
    FileSystem fileSystem = fileSystem(file);
    boolean objects = isObjectStore(fileSystem);
    Path target = objects ? file : new Path(file.getParent(), "." + UUID.randomUUID() + TEMPORARY);
    boolean done = false;
    FSDataOutputStream out = create(fileSystem, target);
    try {
      OutputStream buffered = new BufferedOutputStream(out, CHUNK_BYTES);
      content.writeTo(buffered);
      buffered.flush();
      if (objects) {
        done = true;
      }
      out.close();
      if (!objects) {
        done = fileSystem.rename(target, file);
        if (!done) {
          // HDFS does not rename onto an existing file.
          fileSystem.delete(file, false);
          done = fileSystem.rename(target, file);
        }
        if (!done) {
          throw new IOException("Cannot write " + file + ": the temporary file cannot be renamed");
        }
      }
    } finally {
      if (!done) {
        if (objects && out.hasCapability(CommonPathCapabilities.ABORTABLE_STREAM)) {
          // Closing would make the part that there is visible.
          out.abort();
        }
        out.close();
        fileSystem.delete(target, false);
      }
    }
  }

  /** Opens a file for reading from its start to its end. */
  public InputStream open(String path) throws IOException {
    Path file = path(path);
    return fileSystem(file).open(file);
  }

  /**
   * The file itself, or the files directly in a folder without hidden ones, sorted.
   *
   * @throws FileNotFoundException if there is neither
   */
  public List<String> filesIn(String path) throws IOException {
    Path root = path(path);
    FileStatus[] all = retries.call("list " + path, () -> fileSystem(root).listStatus(root));
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

  /**
   * Gives the files below a folder one by one, in the file system's order, without holding them.
   *
   * @param visitor takes each file's path with its scheme
   */
  public void forEachFile(String folder, boolean recursive, Consumer<String> visitor)
      throws IOException {
    Path root = path(folder);
    walk(fileSystem(root), root, recursive, status -> visitor.accept(status.getPath().toString()));
  }

  private static void walk(
      FileSystem fileSystem, Path root, boolean recursive, Consumer<FileStatus> visitor)
      throws IOException {
    if (fileSystem instanceof RawLocalFileSystem) {
      // The other way asks for the permissions, for which Hadoop starts a process for each file
      // where its native library is missing.
      for (FileStatus status : fileSystem.listStatus(root)) {
        if (!status.isDirectory()) {
          visitor.accept(status);
        } else if (recursive) {
          walk(fileSystem, status.getPath(), true, visitor);
        }
      }
      return;
    }
    // One flat listing on object stores, whatever the depth.
    RemoteIterator<LocatedFileStatus> files = fileSystem.listFiles(root, recursive);
    while (files.hasNext()) {
      visitor.accept(files.next());
    }
  }

  /**
   * Gives up uploads in parts that writers that were killed have begun below a folder: an object
   * store keeps their parts, unseen and paid for, until it is told. Nobody else may be writing
   * there. Where that cannot be done (it takes permissions of its own) nothing but a warning
   * happens.
   */
  public void abortUploads(String folder) throws IOException {
    Path path = path(folder);
    FileSystem fileSystem = fileSystem(path);
    if (!isObjectStore(fileSystem)
        || !fileSystem.hasPathCapability(path, CommonPathCapabilities.FS_MULTIPART_UPLOADER)) {
      return;
    }
    try (MultipartUploader uploader = fileSystem.createMultipartUploader(path).build()) {
      int aborted = FutureIO.awaitFuture(uploader.abortUploadsUnderPath(path));
      if (aborted > 0) {
        LOG.info("Gave up {} uploads of killed writers below {}", aborted, folder);
      }
    } catch (IOException | UnsupportedOperationException e) {
      LOG.warn(
          "Cannot give up unfinished uploads below {}, a lifecycle rule of the bucket can: {}",
          folder,
          Redaction.ofPatterns().apply(e.toString()));
    }
  }

  /** Deletes a file or a folder with all that it holds; nothing happens if there is none. */
  public void delete(String path) throws IOException {
    Path file = path(path);
    retries.call("delete " + path, () -> fileSystem(file).delete(file, true));
  }

  /** A model folder, for reading. */
  public FileSource checkpoint(String folder) throws IOException {
    return CheckpointSource.open(folder, configuration);
  }

  /**
   * The same place as a local path, or null if it is on another file system.
   *
   * @throws IOException if the path has no valid form
   */
  public java.nio.file.Path local(String path) throws IOException {
    Path file = path(path);
    FileSystem fileSystem = fileSystem(file);
    return fileSystem.getUri().getScheme().equals("file")
        ? java.nio.file.Path.of(fileSystem.makeQualified(file).toUri().getPath())
        : null;
  }

  private static Path path(String path) throws IOException {
    try {
      return new Path(path);
    } catch (IllegalArgumentException e) {
      throw new LastingException("Invalid path " + path + ": " + e.getMessage(), e);
    }
  }

  private static StoredFile stored(FileStatus status) {
    return new StoredFile(
        status.getPath().toString(),
        status.getLen(),
        status.getModificationTime(),
        status instanceof EtagSource tagged ? tagged.getEtag() : null);
  }

  private FileSystem fileSystem(Path path) throws IOException {
    FileSystem fileSystem;
    try {
      fileSystem = path.getFileSystem(configuration);
    } catch (IllegalArgumentException e) {
      throw new LastingException("Invalid path " + path + ": " + e.getMessage(), e);
    }
    // Without the layer that puts a hidden .crc file beside each image.
    return fileSystem instanceof LocalFileSystem local ? local.getRawFileSystem() : fileSystem;
  }

  /** Opens a file for writing, over an earlier one. */
  private static FSDataOutputStream create(FileSystem fileSystem, Path file) throws IOException {
    if (fileSystem instanceof RawLocalFileSystem) {
      // The other forms set the permissions, for which Hadoop starts a process for each file where
      // its native library is missing: several milliseconds each. This one leaves them to the
      // umask.
      return fileSystem.create(
          file,
          true,
          CHUNK_BYTES,
          fileSystem.getDefaultReplication(file),
          fileSystem.getDefaultBlockSize(file),
          null);
    }
    return fileSystem.create(file, true);
  }

  private static boolean isObjectStore(FileSystem fileSystem) {
    String scheme = fileSystem.getUri().getScheme();
    return scheme != null && OBJECT_STORES.contains(scheme.toLowerCase(Locale.ROOT));
  }
}
