package io.glmimage.tensor;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Lets one process of a host at a time unpack and load native libraries. JavaCPP locks its cache
 * for one file at a time, but a library's loading reads the files beside it that it is linked with:
 * a second executor would map those that the first is still writing, and die of SIGBUS (seen with
 * two processes on a fresh host).
 */
final class HostLock implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(HostLock.class);
  private static final long POLL_MILLIS = 50;

  private final FileChannel channel;

  private HostLock(FileChannel channel) {
    this.channel = channel;
  }

  /** Waits for the lock; where the file system has no locks, goes on without one and says so. */
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
          "Cannot lock {}: {}. Where several processes start on this host for the first time, they"
              + " may unpack the native libraries at once; start one of them before the others",
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

  /** Gives the lock back; the file stays, so that nobody waits on one that is gone. */
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
