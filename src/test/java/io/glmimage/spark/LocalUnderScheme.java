package io.glmimage.spark;

import java.io.IOException;
import java.net.URI;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.util.Progressable;

/**
 * The local disk under the scheme of a subclass, such as {@code watched://NAME/path}. Permissions
 * are ignored: without its native library, Hadoop starts a process per file to set them.
 */
public abstract class LocalUnderScheme extends RawLocalFileSystem {
  private URI uri;

  @Override
  public abstract String getScheme();

  @Override
  public void initialize(URI name, Configuration configuration) throws IOException {
    super.initialize(name, configuration);
    String authority = name.getAuthority();
    uri = URI.create(getScheme() + "://" + (authority == null ? "" : authority) + "/");
  }

  @Override
  public URI getUri() {
    // Null while the superclass is being constructed.
    return uri == null ? URI.create(getScheme() + ":///") : uri;
  }

  @Override
  public FSDataOutputStream create(
      Path file,
      FsPermission permission,
      boolean overwrite,
      int bufferSize,
      short replication,
      long blockSize,
      Progressable progress)
      throws IOException {
    return create(file, overwrite, bufferSize, replication, blockSize, progress);
  }

  @Override
  public boolean mkdirs(Path folder, FsPermission permission) throws IOException {
    return mkdirs(folder);
  }

  @Override
  public void setPermission(Path path, FsPermission permission) {}
}
