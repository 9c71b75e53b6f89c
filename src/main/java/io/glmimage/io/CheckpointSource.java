package io.glmimage.io;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.EtagSource;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;

/** A model folder on any file system that Hadoop knows: {@code s3a://}, {@code hdfs://}, ... */
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
    Optional<Path> local = localPath(location, configuration);
    if (local.isPresent()) {
      if (!java.nio.file.Files.isDirectory(local.get())) {
        throw new FileNotFoundException(local.get() + " is not a folder");
      }
      return new LocalFileSource(local.get());
    }
    org.apache.hadoop.fs.Path path = new org.apache.hadoop.fs.Path(location);
    FileSystem fileSystem = path.getFileSystem(configuration);
    org.apache.hadoop.fs.Path root = fileSystem.makeQualified(path);
    if (!fileSystem.getFileStatus(root).isDirectory()) {
      throw new FileNotFoundException(withoutUserInfo(root.toUri()) + " is not a folder");
    }
    return new CheckpointSource(fileSystem, root);
  }

  /** The folder as a path of this machine, or empty where another file system holds it. */
  public static Optional<Path> localPath(String location, Configuration configuration) {
    URI uri = new org.apache.hadoop.fs.Path(location).toUri();
    String scheme = uri.getScheme();
    if (scheme == null) {
      scheme = FileSystem.getDefaultUri(configuration).getScheme();
    }
    return "file".equals(scheme)
        ? Optional.of(Path.of(uri.getPath()).toAbsolutePath().normalize())
        : Optional.empty();
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
  public Entry stat(String path) throws IOException {
    return entry(path, fileSystem.getFileStatus(new org.apache.hadoop.fs.Path(root, path)));
  }

  @Override
  public InputStream open(String path, long offset) throws IOException {
    FSDataInputStream in = fileSystem.open(new org.apache.hadoop.fs.Path(root, path));
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

  /** Keys written into a URI must not reach logs. */
  private static String withoutUserInfo(URI uri) {
    String text = uri.toString();
    return uri.getUserInfo() == null ? text : text.replace(uri.getUserInfo() + "@", "");
  }
}
