package io.glmimage.io;

import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.UUID;
import java.util.function.Consumer;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.LocalFileSystem;
import org.apache.hadoop.fs.LocatedFileStatus;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.hadoop.fs.RemoteIterator;
import org.apache.hadoop.fs.StreamCapabilities;

/**
 * Files on any Hadoop file system, named by URI or path ({@code s3a://}, {@code hdfs://}, {@code
 * file:}, a plain path). Whatever is written appears whole or not at all: by one PUT on object
 * stores, by a temporary file and a rename elsewhere. All methods throw {@link IOException} with
 * the path in its message.
 */
public final class Storage {
  /**
   * On these a file becomes visible when its stream is closed, and a rename would be a copy. An
   * unlisted object store still works, by rename.
   */
  private static final Set<String> OBJECT_STORES =
      Set.of("s3a", "s3", "s3n", "gs", "oss", "obs", "cos", "cosn", "tos", "swift");

  private static final int CHUNK_BYTES = 1 << 16;

  private final Configuration configuration;

  public Storage(Configuration configuration) {
    this.configuration = configuration;
  }

  public boolean exists(String path) throws IOException {
    Path file = path(path);
    return fileSystem(file).exists(file);
  }

  /** Whether the path is a folder; false if there is nothing. */
  public boolean isFolder(String path) throws IOException {
    Path file = path(path);
    try {
      return fileSystem(file).getFileStatus(file).isDirectory();
    } catch (FileNotFoundException e) {
      return false;
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
    List<String> names = new ArrayList<>();
    try {
      for (FileStatus status : fileSystem(path).listStatus(path)) {
        names.add(status.getPath().getName());
      }
    } catch (FileNotFoundException e) {
      return List.of();
    }
    names.sort(null);
    return names;
  }

  /**
   * @throws FileNotFoundException if there is no such file
   * @throws IOException if it cannot be read, is a folder or is larger than {@code maxBytes}
   */
  public byte[] read(String path, long maxBytes) throws IOException {
    Path file = path(path);
    // Not asked for its status first: on S3 that would be one more request for each image.
    try (FSDataInputStream in = fileSystem(file).open(file)) {
      ByteArrayOutputStream bytes = new ByteArrayOutputStream(CHUNK_BYTES);
      byte[] chunk = new byte[CHUNK_BYTES];
      for (int n = in.read(chunk); n >= 0; n = in.read(chunk)) {
        if (bytes.size() + (long) n > maxBytes) {
          throw new IOException(
              "Cannot read " + path + ": it is larger than " + maxBytes + " bytes");
        }
        bytes.write(chunk, 0, n);
      }
      return bytes.toByteArray();
    }
  }

  /** Writes a file whole, replacing an earlier one; folders above it are made. */
  public void write(String path, byte[] bytes) throws IOException {
    Path file = path(path);
    FileSystem fileSystem = fileSystem(file);
    if (isObjectStore(fileSystem)) {
      try (OutputStream out = create(fileSystem, file)) {
        out.write(bytes);
      }
      return;
    }
    // Hidden from Spark and Hadoop by the dot, and never the same for two attempts.
    Path temporary = new Path(file.getParent(), "." + UUID.randomUUID() + ".tmp");
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
        throw new IOException("Cannot write " + path + ": the temporary file cannot be renamed");
      }
    } finally {
      if (!renamed) {
        fileSystem.delete(temporary, false);
      }
    }
  }

  /** What is written into a file. */
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
    FileSystem fileSystem = fileSystem(file);
    boolean objects = isObjectStore(fileSystem);
    Path target = objects ? file : new Path(file.getParent(), "." + UUID.randomUUID() + ".tmp");
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
          throw new IOException("Cannot write " + path + ": the temporary file cannot be renamed");
        }
      }
    } finally {
      if (!done) {
        if (objects && out.hasCapability(StreamCapabilities.ABORTABLE_STREAM)) {
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

  /** The first bytes of a file, fewer if it is shorter. */
  public byte[] readStart(String path, int bytes) throws IOException {
    try (InputStream in = open(path)) {
      return in.readNBytes(bytes);
    }
  }

  /**
   * The file itself, or the files directly in a folder without hidden ones, sorted.
   *
   * @throws FileNotFoundException if there is neither
   */
  public List<String> files(String path) throws IOException {
    Path root = path(path);
    List<String> files = new ArrayList<>();
    for (FileStatus status : fileSystem(root).listStatus(root)) {
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
    RemoteIterator<LocatedFileStatus> files = fileSystem(root).listFiles(root, recursive);
    while (files.hasNext()) {
      visitor.accept(files.next().getPath().toString());
    }
  }

  /** Deletes a file or a folder with all that it holds; nothing happens if there is none. */
  public void delete(String path) throws IOException {
    Path file = path(path);
    fileSystem(file).delete(file, true);
  }

  /** Copies a folder with all its files into a local one. */
  public void download(String folder, java.nio.file.Path target) throws IOException {
    Path source = path(folder);
    FileSystem fileSystem = fileSystem(source);
    Files.createDirectories(target);
    for (FileStatus status : fileSystem.listStatus(source)) {
      java.nio.file.Path local = target.resolve(status.getPath().getName());
      if (status.isDirectory()) {
        download(status.getPath().toString(), local);
      } else {
        try (InputStream in = fileSystem.open(status.getPath())) {
          Files.copy(in, local);
        }
      }
    }
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
      throw new IOException("Invalid path " + path + ": " + e.getMessage(), e);
    }
  }

  private FileSystem fileSystem(Path path) throws IOException {
    FileSystem fileSystem;
    try {
      fileSystem = path.getFileSystem(configuration);
    } catch (IllegalArgumentException e) {
      throw new IOException("Invalid path " + path + ": " + e.getMessage(), e);
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
