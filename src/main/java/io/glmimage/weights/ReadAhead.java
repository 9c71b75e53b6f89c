package io.glmimage.weights;

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
 * Brings the next tensors of a component into the system's page cache while one is being copied to
 * its device, so that the disk and the copy work at the same time. Only a help: who takes a tensor
 * that is not there yet reads it as ever, and an error here is left to that reader to report.
 *
 * <p>Tensors are read in the natural order of their names ({@code blocks.9} before {@code
 * blocks.10}), in which networks take them by and large, by several threads, since many disks need
 * several requests at a time, and never more than {@link #WINDOW_BYTES} before the last one taken.
 */
final class ReadAhead implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ReadAhead.class);

  /** Less than this is not worth a thread. */
  static final long LEAST_BYTES = 64L << 20;

  static final long WINDOW_BYTES = 4L << 30;
  private static final int PIECE_BYTES = 8 << 20;
  private static final int THREADS = 4;

  /** Nobody takes tensors any more: the load has failed, or the rest is not used. */
  private static final long IDLE_MILLIS = 30_000;

  /** Bytes of a tensor in a file. */
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

  /** Starts to read, or gives null where there is too little to be worth it. */
  static ReadAhead start(List<Range> tensors) {
    return start(tensors, LEAST_BYTES, WINDOW_BYTES);
  }

  static ReadAhead start(List<Range> tensors, long leastBytes, long windowBytes) {
    if (tensors.stream().mapToLong(Range::length).sum() < leastBytes) {
      return null;
    }
    List<Range> sorted = new ArrayList<>(tensors);
    sorted.sort(Comparator.comparing(range -> naturalKey(range.tensor())));
    List<Range> pieces = new ArrayList<>();
    for (Range range : sorted) {
      for (long at = 0; at < range.length(); at += PIECE_BYTES) {
        long length = Math.min(PIECE_BYTES, range.length() - at);
        pieces.add(new Range(range.tensor(), range.file(), range.begin() + at, length));
      }
    }
    ReadAhead reader = new ReadAhead(pieces, windowBytes);
    for (int i = 0; i < THREADS; i++) {
      Thread thread = new Thread(reader::run, "weights-read-ahead-" + i);
      thread.setDaemon(true);
      reader.threads.add(thread);
    }
    reader.threads.forEach(Thread::start);
    return reader;
  }

  /** Numbers of up to nine digits compare by their value. */
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

  /** Somebody has this tensor now: its bytes no longer count as read ahead. */
  synchronized void taken(String tensor) {
    if (!taken.add(tensor)) {
      return;
    }
    Long read = aheadOf.remove(tensor);
    ahead -= read == null ? 0 : read;
    notifyAll();
  }

  /** What has been read, or is being read, before anybody took it. */
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
          // Until the piece is full, or the file ends: then whoever takes the tensor says so.
        }
      }
    } catch (IOException e) {
      LOG.debug("Cannot read ahead; whoever takes the tensor reports it", e);
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

  /** The next piece that is worth reading, or null at the end. */
  private synchronized Range take() throws InterruptedException {
    while (!closed && next < pieces.size()) {
      Range piece = pieces.get(next);
      if (taken.contains(piece.tensor())) {
        next++;
      } else if (ahead + piece.length() <= windowBytes || ahead == 0) {
        next++;
        ahead += piece.length();
        aheadOf.merge(piece.tensor(), piece.length(), Long::sum);
        return piece;
      } else {
        int before = taken.size();
        wait(IDLE_MILLIS);
        if (taken.size() == before) {
          closed = true;
        }
      }
    }
    return null;
  }

  /** Stops reading; does not wait for what is being read. */
  @Override
  public synchronized void close() {
    closed = true;
    notifyAll();
  }
}
