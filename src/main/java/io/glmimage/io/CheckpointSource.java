package io.glmimage.io;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.EtagSource;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.util.functional.FutureIO;

/** A model folder on a Hadoop file system: {@code s3a://}, {@code hdfs://} and others. */
public final class CheckpointSource implements FileSource {
  private final FileSystem fileSystem;
  private final org.apache.hadoop.fs.Path root;
  private final String name;

  private CheckpointSource(FileSystem fileSystem, org.apache.hadoop.fs.Path root) {
    this.fileSystem = fileSystem;
    this.root = root;
    this.name = withoutUserInfo(root.toUri());
  }

  /**
   * The folder at {@code location}, a URI or a path of the configuration's default file system.
   * Local folders are read without Hadoop.
   *
   * @throws FileNotFoundException if there is no such folder
   */
  public static FileSource open(String location, Configuration configuration) throws IOException {
    Locations locations = new Locations(configuration);
    Optional<Path> local = locations.local(location);
    if (local.isPresent()) {
      if (!Files.isDirectory(local.get())) {
        throw new FileNotFoundException(local.get() + " is not a folder");
      }
      return new LocalFileSource(local.get());
    }
    org.apache.hadoop.fs.Path root = locations.qualified(location);
    FileSystem fileSystem = locations.fileSystem(root);
    if (!fileSystem.getFileStatus(root).isDirectory()) {
      throw new FileNotFoundException(withoutUserInfo(root.toUri()) + " is not a folder");
    }
    return new CheckpointSource(fileSystem, root);
  }

  /**
   * The folder as a path of this machine, or empty if another file system holds it.
   *
   * @throws UncheckedIOException if the location is invalid
   */
  public static Optional<Path> localPath(String location, Configuration configuration) {
    try {
      return new Locations(configuration).local(location).map(Path::normalize);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public List<Entry> list() throws IOException {
    List<Entry> found = new ArrayList<>();
    list(root, "", found);
    found.sort(Comparator.comparing(Entry::path));
    return found;
  }

  private void list(org.apache.hadoop.fs.Path folder, String prefix, List<Entry> found)
      throws IOException {
    for (FileStatus status : fileSystem.listStatus(folder)) {
      String child = status.getPath().getName();
      if (child.startsWith(".")) {
        continue;
      }
      if (status.isFile()) {
        found.add(entry(prefix + child, status));
      } else if (prefix.isEmpty() && status.isDirectory()) {
        list(status.getPath(), child + "/", found);
      }
    }
  }

  @Override
  public List<String> folders(String path) throws IOException {
    org.apache.hadoop.fs.Path folder =
        path.isEmpty() ? root : new org.apache.hadoop.fs.Path(root, path);
    try {
      return Arrays.stream(fileSystem.listStatus(folder))
          .filter(FileStatus::isDirectory)
          .map(status -> status.getPath().getName())
          .filter(name -> !name.startsWith("."))
          .sorted()
          .toList();
    } catch (FileNotFoundException e) {
      return List.of();
    }
  }

  @Override
  public Entry stat(String path) throws IOException {
    return entry(path, fileSystem.getFileStatus(new org.apache.hadoop.fs.Path(root, path)));
  }

  @Override
  public InputStream open(String path, long offset) throws IOException {
    return at(offset, fileSystem.open(new org.apache.hadoop.fs.Path(root, path)));
  }

  /** S3 then gets a request for each block, instead of one for the rest of the file. */
  @Override
  public InputStream openForBlocks(String path, long offset) throws IOException {
    return at(
        offset,
        FutureIO.awaitFuture(
            fileSystem
                .openFile(new org.apache.hadoop.fs.Path(root, path))
                .opt("fs.option.openfile.read.policy", "random")
                // The same for Hadoop before 3.3.5.
                .opt("fs.s3a.experimental.input.fadvise", "random")
                .build()));
  }

  private static InputStream at(long offset, FSDataInputStream in) throws IOException {
    try {
      in.seek(offset);
      return in;
    } catch (IOException | RuntimeException e) {
      in.close();
      throw e;
    }
  }

  private static Entry entry(String path, FileStatus status) {
    String version = String.valueOf(status.getModificationTime());
    if (status instanceof EtagSource tagged && tagged.getEtag() != null) {
      version += "/" + tagged.getEtag();
    }
    return new Entry(path, status.getLen(), version);
  }

  /** The URI for logs, without access keys. */
  private static String withoutUserInfo(URI uri) {
    String text = uri.toString();
    return uri.getUserInfo() == null ? text : text.replace(uri.getUserInfo() + "@", "");
  }
}
