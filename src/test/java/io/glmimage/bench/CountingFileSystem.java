package io.glmimage.bench;

import io.glmimage.spark.LocalUnderScheme;
import java.io.IOException;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.util.Progressable;

/** The local disk as {@code counted:///path}; counts the requests of this process. */
public final class CountingFileSystem extends LocalUnderScheme {
  static final String SCHEME = "counted";

  private static final Map<String, LongAdder> CALLS = new ConcurrentHashMap<>();

  /** Number of requests of each kind. */
  static Map<String, Long> calls() {
    Map<String, Long> calls = new TreeMap<>();
    CALLS.forEach((name, count) -> calls.put(name, count.sum()));
    return calls;
  }

  private static void count(String call) {
    CALLS.computeIfAbsent(call, name -> new LongAdder()).increment();
  }

  @Override
  public String getScheme() {
    return SCHEME;
  }

  @Override
  public FSDataInputStream open(Path file, int bufferSize) throws IOException {
    count("open");
    return super.open(file, bufferSize);
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
    count("create");
    return super.create(file, overwrite, bufferSize, replication, blockSize, progress);
  }

  @Override
  public boolean rename(Path from, Path to) throws IOException {
    count("rename");
    return super.rename(from, to);
  }

  @Override
  public boolean delete(Path file, boolean recursive) throws IOException {
    count("delete");
    return super.delete(file, recursive);
  }

  @Override
  public FileStatus[] listStatus(Path folder) throws IOException {
    count("list");
    return super.listStatus(folder);
  }

  @Override
  public FileStatus getFileStatus(Path file) throws IOException {
    count("status");
    return super.getFileStatus(file);
  }

  @Override
  public boolean mkdirs(Path folder) throws IOException {
    count("mkdirs");
    return super.mkdirs(folder);
  }
}
