package io.glmimage.io;

import java.io.ByteArrayOutputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.UUID;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.LocalFileSystem;
import org.apache.hadoop.fs.Path;

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
      try (OutputStream out = fileSystem.create(file, true)) {
        out.write(bytes);
      }
      return;
    }
    // Hidden from Spark and Hadoop by the dot, and never the same for two attempts.
    Path temporary = new Path(file.getParent(), "." + UUID.randomUUID() + ".tmp");
    boolean renamed = false;
    try {
      try (OutputStream out = fileSystem.create(temporary, true)) {
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

  /** Deletes a file or a folder with all that it holds; nothing happens if there is none. */
  public void delete(String path) throws IOException {
    Path file = path(path);
    fileSystem(file).delete(file, true);
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

  private static boolean isObjectStore(FileSystem fileSystem) {
    String scheme = fileSystem.getUri().getScheme();
    return scheme != null && OBJECT_STORES.contains(scheme.toLowerCase(Locale.ROOT));
  }
}
