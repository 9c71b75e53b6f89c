package io.glmimage.natives;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Lets one process of a host at a time unpack and load native libraries. JavaCPP locks its cache
 * for one file at a time, but loading a library also reads the files that it is linked with. A
 * second process could map files that the first is still writing, and die of SIGBUS (observed with
 * two executors on a new host).
 */
final class HostLock implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(HostLock.class);
  private static final long POLL_MILLIS = 50;

  private final FileChannel channel;

  private HostLock(FileChannel channel) {
    this.channel = channel;
  }

  /** Waits for the lock. If the file system has no locks, logs a warning and continues. */
  static HostLock take(Path file) {
    try {
      FileChannel channel =
          FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      try {
        lock(channel);
        return new HostLock(channel);
      } catch (IOException e) {
        channel.close();
        throw e;
      }
    } catch (IOException e) {
      LOG.warn(
          "Cannot lock {}: {}. If several processes start on this host for the first time, they may"
              + " unpack the native libraries at the same time; start one of them before the others",
          file,
          e.toString());
      return new HostLock(null);
    }
  }

  private static void lock(FileChannel channel) throws IOException {
    while (true) {
      try {
        channel.lock();
        return;
      } catch (OverlappingFileLockException e) {
        // Another class loader of this process has it.
        try {
          Thread.sleep(POLL_MILLIS);
        } catch (InterruptedException interrupted) {
          Thread.currentThread().interrupt();
          throw new IOException("interrupted while waiting for another class loader", interrupted);
        }
      }
    }
  }

  /** False if the file system has no locks. */
  boolean held() {
    return channel != null;
  }

  /** Releases the lock. The file stays, so that no process waits on a deleted one. */
  @Override
  public void close() {
    if (channel == null) {
      return;
    }
    try {
      channel.close();
    } catch (IOException e) {
      LOG.warn("Cannot close the lock of the native libraries: {}", e.toString());
    }
  }
}
