package io.glmimage.spark;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.net.URI;
import java.nio.file.Files;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSError;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;

/** What Hadoop's local file system throws where a disk is full. Tests cannot construct it. */
public final class FullDisk {
  private FullDisk() {}

  /** The Error. Tests are skipped where there is no {@code /dev/full}. */
  public static FSError error() throws IOException {
    assumeTrue(
        Files.exists(java.nio.file.Path.of("/dev/full")), "needs the device /dev/full of Linux");
    try (RawLocalFileSystem disk = new RawLocalFileSystem()) {
      disk.initialize(URI.create("file:///"), new Configuration());
      OutputStream out = disk.append(new Path("/dev/full"));
      try {
        out.write(new byte[1 << 20]);
      } catch (FSError full) {
        return full;
      }
      throw new AssertionError("/dev/full has space");
    }
  }
}
