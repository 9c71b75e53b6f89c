package io.glmimage.weights;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Shared and exclusive file locks between processes and between the threads of one process. The
 * operating system's locks belong to a process, so this class counts the threads. The operating
 * system releases the locks of a dead process at once.
 */
final class FileLocks {
  private static final Map<Path, State> HELD = new HashMap<>();

  private static final class State {
    final FileChannel channel;
    final FileLock lock;
    int holders = 1;

    State(FileChannel channel, FileLock lock) {
      this.channel = channel;
      this.lock = lock;
    }
  }

  /** A held lock. Closing the lock twice is harmless. */
  static final class Held implements AutoCloseable {
    private final Path file;
    private boolean open = true;

    private Held(Path file) {
      this.file = file;
    }

    @Override
    public void close() throws IOException {
      synchronized (HELD) {
        if (!open) {
          return;
        }
        open = false;
        State state = HELD.get(file);
        if (--state.holders == 0) {
          HELD.remove(file);
          state.channel.close();
        }
      }
    }
  }

  private FileLocks() {}

  /** Empty if another process or thread holds the lock. */
  static Optional<Held> tryExclusive(Path file) throws IOException {
    return take(file, false);
  }

  /** Empty if another process or thread holds the lock exclusively. */
  static Optional<Held> tryShared(Path file) throws IOException {
    return take(file, true);
  }

  /** Waits for the lock. */
  static Held exclusive(Path file) throws IOException, InterruptedException {
    while (true) {
      Optional<Held> held = tryExclusive(file);
      if (held.isPresent()) {
        return held.get();
      }
      Thread.sleep(20);
    }
  }

  private static Optional<Held> take(Path name, boolean shared) throws IOException {
    Path file = name.toAbsolutePath().normalize();
    synchronized (HELD) {
      State state = HELD.get(file);
      if (state != null) {
        if (!shared || !state.lock.isShared()) {
          return Optional.empty();
        }
        state.holders++;
        return Optional.of(new Held(file));
      }
      FileChannel channel =
          FileChannel.open(
              file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
      FileLock lock = null;
      try {
        lock = channel.tryLock(0, Long.MAX_VALUE, shared);
      } catch (OverlappingFileLockException e) {
        // The same class in another class loader of this process holds the lock.
        lock = null;
      } finally {
        if (lock == null) {
          channel.close();
        }
      }
      if (lock == null) {
        return Optional.empty();
      }
      HELD.put(file, new State(channel, lock));
      return Optional.of(new Held(file));
    }
  }
}
