package io.glmimage.spark;

import java.io.BufferedOutputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.util.Progressable;
import org.apache.spark.TaskContext;

/**
 * The local disk as {@code watched://NAME/path}. A watcher is called before every change, when the
 * disk is as a process that is killed at that moment would leave it. A change makes a folder,
 * creates a file, writes the second half of a file, renames, or removes one file or empty folder.
 * Changes happen one after the other. Removing a folder is one change for each file in it.
 */
public final class WatchedFileSystem extends LocalUnderScheme {
  private static final Map<String, Watcher> WATCHERS = new ConcurrentHashMap<>();

  /** Serializes the changes of all file systems. */
  private static final Object LOCK = new Object();

  private static final int WHOLE_FILE = 1 << 20;

  /** Is called before each change. */
  @FunctionalInterface
  public interface Watcher {
    void before(String change) throws IOException;
  }

  /** Watches {@code watched://NAME/}. */
  public static void watch(String name, Watcher watcher) {
    WATCHERS.put(name, watcher);
  }

  /**
   * Watches {@code watched://NAME/}, where the first files that tasks create fail for a temporary
   * reason.
   *
   * @return the number of files that still fail
   */
  public static AtomicInteger failFirst(String name, int files) {
    AtomicInteger left = new AtomicInteger(files);
    watch(
        name,
        change -> {
          if (change.startsWith("create ")
              && TaskContext.get() != null
              && left.getAndUpdate(n -> Math.max(0, n - 1)) > 0) {
            throw new IOException("timed out");
          }
        });
    return left;
  }

  @Override
  public String getScheme() {
    return "watched";
  }

  private void before(String change, Path path) throws IOException {
    WATCHERS.get(getUri().getAuthority()).before(change + " " + path.toUri().getPath());
  }

  @Override
  public FSDataOutputStream create(
      Path file,
      boolean overwrite,
      int bufferSize,
      short replication,
      long blockSize,
      Progressable progress)
      throws IOException {
    synchronized (LOCK) {
      before("create", file);
      return watched(
          file, super.create(file, overwrite, bufferSize, replication, blockSize, progress));
    }
  }

  private FSDataOutputStream watched(Path file, OutputStream out) {
    OutputStream halves =
        new FilterOutputStream(out) {
          @Override
          public void write(byte[] bytes, int offset, int length) throws IOException {
            synchronized (LOCK) {
              int half = length / 2;
              out.write(bytes, offset, half);
              out.flush();
              before("finish", file);
              out.write(bytes, offset + half, length - half);
              out.flush();
            }
          }
        };
    return new FSDataOutputStream(new BufferedOutputStream(halves, WHOLE_FILE), null);
  }

  @Override
  public boolean rename(Path from, Path to) throws IOException {
    synchronized (LOCK) {
      before("rename", from);
      return super.rename(from, to);
    }
  }

  @Override
  public boolean delete(Path path, boolean recursive) throws IOException {
    synchronized (LOCK) {
      if (!exists(path)) {
        return false;
      }
      if (recursive && getFileStatus(path).isDirectory()) {
        FileStatus[] children = listStatus(path);
        Arrays.sort(children);
        for (FileStatus child : children) {
          delete(child.getPath(), true);
        }
      }
      before("delete", path);
      return super.delete(path, recursive);
    }
  }

  @Override
  public boolean mkdirs(Path folder) throws IOException {
    synchronized (LOCK) {
      if (!exists(folder)) {
        before("make", folder);
      }
      return super.mkdirs(folder);
    }
  }
}
