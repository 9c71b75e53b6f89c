package io.glmimage.weights;

import io.glmimage.io.DaemonThreads;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads the next tensors of a component into the system's page cache while another tensor is copied
 * to the device. The disk and the copy therefore work at the same time. Reading ahead is only an
 * optimization: a tensor that is not in the cache yet is read as usual. That read also reports any
 * error.
 *
 * <p>Tensors are read in the natural order of their names ({@code blocks.9} before {@code
 * blocks.10}), which is roughly the order in which networks take tensors. Several threads read,
 * because many disks need several concurrent requests. At most {@link #WINDOW_BYTES} of tensors not
 * yet taken are read ahead.
 */
final class ReadAhead implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ReadAhead.class);

  /** Reading less than this ahead is not worth a thread. */
  static final long LEAST_BYTES = 64L << 20;

  static final long WINDOW_BYTES = 4L << 30;
  private static final int PIECE_BYTES = 8 << 20;
  private static final int THREADS = 4;

  /**
   * Reading ahead stops if no tensor is taken for this long: the load has failed, or the rest is
   * not used.
   */
  private static final long IDLE_MILLIS = 30_000;

  /** A byte range of a tensor in a file. */
  record Range(String tensor, Path file, long begin, long length) {}

  private final List<Range> pieces;
  private final long windowBytes;
  private final Set<String> taken = new HashSet<>();
  private final List<Thread> threads = new ArrayList<>();
  private final Map<String, Long> aheadOf = new HashMap<>();
  private int next;
  private long ahead;
  private boolean closed;

  private ReadAhead(List<Range> pieces, long windowBytes) {
    this.pieces = pieces;
    this.windowBytes = windowBytes;
  }

  /** Starts to read ahead; returns null if the tensors are too small for a benefit. */
  static ReadAhead start(List<Range> tensors) {
    return start(tensors, LEAST_BYTES, WINDOW_BYTES);
  }

  static ReadAhead start(List<Range> tensors, long leastBytes, long windowBytes) {
    if (tensors.stream().mapToLong(Range::length).sum() < leastBytes) {
      return null;
    }
    ReadAhead reader = of(tensors, windowBytes);
    for (int i = 0; i < THREADS; i++) {
      reader.threads.add(DaemonThreads.named("weights-read-ahead-" + i).newThread(reader::run));
    }
    reader.threads.forEach(Thread::start);
    return reader;
  }

  /** The order of reading and the window, without threads. */
  static ReadAhead of(List<Range> tensors, long windowBytes) {
    List<Range> sorted = new ArrayList<>(tensors);
    sorted.sort(Comparator.comparing(range -> naturalKey(range.tensor())));
    List<Range> pieces = new ArrayList<>();
    for (Range range : sorted) {
      for (long at = 0; at < range.length(); at += PIECE_BYTES) {
        long length = Math.min(PIECE_BYTES, range.length() - at);
        pieces.add(new Range(range.tensor(), range.file(), range.begin() + at, length));
      }
    }
    return new ReadAhead(pieces, windowBytes);
  }

  /** A sort key in which numbers of up to nine digits compare by value. */
  static String naturalKey(String name) {
    StringBuilder key = new StringBuilder();
    for (int i = 0; i < name.length(); ) {
      int end = i;
      while (end < name.length() && Character.isDigit(name.charAt(end))) {
        end++;
      }
      if (end > i) {
        key.append("0".repeat(Math.max(0, 9 - (end - i)))).append(name, i, end);
        i = end;
      } else {
        key.append(name.charAt(i++));
      }
    }
    return key.toString();
  }

  /** Records that a tensor has been taken. The tensor's bytes no longer count as read ahead. */
  synchronized void taken(String tensor) {
    if (!taken.add(tensor)) {
      return;
    }
    Long read = aheadOf.remove(tensor);
    ahead -= read == null ? 0 : read;
    notifyAll();
  }

  /** Bytes that have been read or are being read, of tensors not yet taken. */
  synchronized long aheadBytes() {
    return ahead;
  }

  private void run() {
    ByteBuffer buffer = ByteBuffer.allocateDirect(PIECE_BYTES);
    Path open = null;
    FileChannel channel = null;
    try {
      for (Range piece = take(); piece != null; piece = take()) {
        if (!piece.file().equals(open)) {
          if (channel != null) {
            channel.close();
          }
          channel = FileChannel.open(piece.file(), StandardOpenOption.READ);
          open = piece.file();
        }
        buffer.clear().limit((int) piece.length());
        while (buffer.hasRemaining()
            && channel.read(buffer, piece.begin() + buffer.position()) >= 0) {
          // Reads until the piece is full or the file ends. Taking the tensor then reports the
          // short file.
        }
      }
    } catch (IOException e) {
      LOG.debug("Cannot read ahead; taking the tensor will report the failure", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      closeQuietly(channel);
    }
  }

  private static void closeQuietly(FileChannel channel) {
    try {
      if (channel != null) {
        channel.close();
      }
    } catch (IOException e) {
      LOG.debug("Cannot close a file that was read", e);
    }
  }

  /** The next piece to read; null if the window is full or no piece is left. */
  synchronized Range tryTake() {
    while (!closed && next < pieces.size()) {
      Range piece = pieces.get(next);
      if (!taken.contains(piece.tensor())) {
        if (ahead > 0 && ahead + piece.length() > windowBytes) {
          return null;
        }
        next++;
        ahead += piece.length();
        aheadOf.merge(piece.tensor(), piece.length(), Long::sum);
        return piece;
      }
      next++;
    }
    return null;
  }

  /** As {@link #tryTake}, but waits while the window is full. */
  private synchronized Range take() throws InterruptedException {
    Range piece = tryTake();
    while (piece == null && !closed && next < pieces.size()) {
      int before = taken.size();
      wait(IDLE_MILLIS);
      closed |= taken.size() == before;
      piece = tryTake();
    }
    return piece;
  }

  /** Waits for the end of all threads. */
  void join() throws InterruptedException {
    for (Thread thread : threads) {
      thread.join();
    }
  }

  /** Stops reading ahead; does not wait for reads in progress. */
  @Override
  public synchronized void close() {
    closed = true;
    notifyAll();
  }
}
