package io.glmimage.io;

import java.io.BufferedOutputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.util.Map;
import java.util.UUID;
import org.apache.hadoop.fs.CommonPathCapabilities;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FSDataOutputStreamBuilder;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;

/**
 * Writes files that appear whole or not at all: with one PUT on object stores, elsewhere with a
 * temporary file and a rename.
 */
final class WholeFiles {
  private static final int BUFFER_BYTES = 1 << 16;

  /** S3A's option for object metadata, since Hadoop 3.3.5. */
  private static final String METADATA_OPTION = "fs.s3a.create.header.";

  /** The end of the name of a file that is being written. */
  private static final String TEMPORARY = ".tmp";

  private WholeFiles() {}

  /**
   * Writes a file, replacing an earlier one.
   *
   * @param metadata for object stores that can keep it
   * @param temporaryFolder on the same file system; object stores do not use it
   */
  static void write(
      FileSystem fileSystem,
      Path file,
      Storage.Content content,
      Map<String, String> metadata,
      Path temporaryFolder)
      throws IOException {
    if (Locations.isObjectStore(fileSystem)) {
      put(fileSystem, file, content, metadata);
    } else {
      writeAndRename(fileSystem, file, content, temporaryFolder);
    }
  }

  /** Makes a folder and those above it. */
  static void makeFolder(FileSystem fileSystem, Path folder) throws IOException {
    if (fileSystem instanceof RawLocalFileSystem local) {
      // Hadoop would hide the reason of a failure.
      java.nio.file.Path path = local.pathToFile(folder).toPath();
      if (!Files.isDirectory(path)) {
        Files.createDirectories(path);
      }
    } else if (!fileSystem.mkdirs(folder)) {
      throw new IOException("Cannot make folder " + folder);
    }
  }

  /** Closing the stream makes the object visible, so a stream that failed is not closed. */
  private static void put(
      FileSystem fileSystem, Path file, Storage.Content content, Map<String, String> metadata)
      throws IOException {
    FSDataOutputStream out = createObject(fileSystem, file, metadata);
    try {
      fill(out, content);
    } catch (IOException | RuntimeException | Error e) {
      if (out.hasCapability(CommonPathCapabilities.ABORTABLE_STREAM)) {
        out.abort();
      }
      throw e;
    }
    out.close();
  }

  private static void writeAndRename(
      FileSystem fileSystem, Path file, Storage.Content content, Path temporaryFolder)
      throws IOException {
    // The dot hides the file from Spark and Hadoop. Two attempts never have the same name.
    Path temporary = new Path(temporaryFolder, "." + UUID.randomUUID() + TEMPORARY);
    boolean renamed = false;
    makeFolder(fileSystem, temporaryFolder);
    refuseFolder(fileSystem, file);
    try {
      try (FSDataOutputStream out = create(fileSystem, temporary)) {
        fill(out, content);
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

  /** A rename onto a folder would put the temporary file into the folder. */
  private static void refuseFolder(FileSystem fileSystem, Path file) throws IOException {
    if (isFolder(fileSystem, file)) {
      throw new LastingException(
          "Cannot write " + file + ": it is a folder; name a file, or remove the folder");
    }
  }

  private static boolean isFolder(FileSystem fileSystem, Path path) throws IOException {
    if (fileSystem instanceof RawLocalFileSystem local) {
      return local.pathToFile(path).isDirectory();
    }
    try {
      return fileSystem.getFileStatus(path).isDirectory();
    } catch (FileNotFoundException e) {
      return false;
    }
  }

  private static void fill(OutputStream out, Storage.Content content) throws IOException {
    OutputStream buffered = new BufferedOutputStream(out, BUFFER_BYTES);
    content.writeTo(buffered);
    buffered.flush();
  }

  private static FSDataOutputStream createObject(
      FileSystem fileSystem, Path file, Map<String, String> metadata) throws IOException {
    if (metadata.isEmpty()) {
      return fileSystem.create(file, true);
    }
    FSDataOutputStreamBuilder<?, ?> builder =
        fileSystem.createFile(file).create().overwrite(true).recursive();
    // Options, not requirements: file systems that do not know them still write the file.
    metadata.forEach((name, value) -> builder.opt(METADATA_OPTION + name, value));
    return builder.build();
  }

  private static FSDataOutputStream create(FileSystem fileSystem, Path file) throws IOException {
    if (fileSystem instanceof RawLocalFileSystem) {
      // The other forms of create set permissions, for which Hadoop starts a process per file if
      // its native library is missing: several milliseconds each. This form applies the umask.
      return fileSystem.create(
          file,
          true,
          BUFFER_BYTES,
          fileSystem.getDefaultReplication(file),
          fileSystem.getDefaultBlockSize(file),
          null);
    }
    return fileSystem.create(file, true);
  }
}
