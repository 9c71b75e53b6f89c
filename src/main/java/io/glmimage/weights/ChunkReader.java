package io.glmimage.weights;

import io.glmimage.error.WeightsException;
import io.glmimage.io.FileSource;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads a checkpoint's chunks from the source and checks that the source still matches the listing.
 * Any number of threads may read. A read that begins where another has ended uses its open stream.
 */
public final class ChunkReader implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ChunkReader.class);
  private static final int ATTEMPTS = 4;
  private static final int IDLE_STREAMS = 4;

  /**
   * @param bytes the content of the blocks, joined
   * @param digests the SHA-256 of each block
   */
  public record Data(byte[] bytes, byte[][] digests) {
    /** The digests, joined. */
    public byte[] joinedDigests() {
      return BlockDigests.join(digests);
    }
  }

  private final FileSource source;
  private final ChunkPlan plan;
  private final byte[][] known;
  private final long retryMillis;

  /** Open streams that no thread is reading. */
  private final List<Cursor> idle = new ArrayList<>();

  /** Guarded by {@link #idle}. */
  private boolean closed;

  /** A place in an open file. */
  private static final class Cursor {
    final InputStream stream;
    final String path;
    long at;

    Cursor(InputStream stream, String path, long at) {
      this.stream = stream;
      this.path = path;
      this.at = at;
    }
  }

  public ChunkReader(FileSource source, ChunkPlan plan) {
    this(source, plan, 500);
  }

  /**
   * @param retryMillis the delay before the first retry; doubled for each further retry
   */
  ChunkReader(FileSource source, ChunkPlan plan, long retryMillis) {
    this.source = source;
    this.plan = plan;
    this.known = new byte[plan.blocks()][];
    this.retryMillis = retryMillis;
  }

  /**
   * Reads chunk {@code index}. A failed read is retried a few times.
   *
   * @throws WeightsException if the source has changed since the listing was created, or stays
   *     unreadable
   */
  public Data read(int index) {
    ChunkPlan.Chunk chunk = plan.chunk(index);
    byte[] bytes = new byte[chunk.length()];
    IOException last = null;
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
      try {
        pause(attempt);
        readBlocks(chunk, bytes);
        requireUnchanged(chunk);
        byte[][] digests = BlockDigests.ofBlocks(bytes, chunk);
        remember(chunk, digests);
        return new Data(bytes, digests);
      } catch (FileNotFoundException e) {
        throw changed(String.valueOf(e.getMessage()));
      } catch (IOException e) {
        last = e;
      }
    }
    throw new WeightsException(
        "Cannot read model " + source.name() + ": " + last + " (" + ATTEMPTS + " attempts)", last);
  }

  /**
   * The blocks whose digests differ from those that this reader has read. Blocks that have not been
   * read yet pass. Any thread may call this method.
   *
   * @param joined the digests of all blocks, joined
   */
  public synchronized BitSet wrong(byte[] joined) {
    byte[][] digests = BlockDigests.split(joined);
    BitSet wrong = new BitSet();
    for (int i = 0; i < known.length; i++) {
      wrong.set(i, i >= digests.length || differs(i, digests[i]));
    }
    return wrong;
  }

  private boolean differs(int block, byte[] digest) {
    return known[block] != null && !Arrays.equals(known[block], digest);
  }

  private void readBlocks(ChunkPlan.Chunk chunk, byte[] into) throws IOException {
    Cursor cursor = null;
    try {
      for (int i = 0; i < chunk.blocks().size(); i++) {
        CheckpointListing.Block block = chunk.blocks().get(i);
        if (cursor == null || !isAt(cursor, block)) {
          close(cursor);
          cursor = null;
          cursor = open(block);
        }
        read(cursor, block, into, chunk.start(i));
      }
    } catch (IOException | RuntimeException e) {
      close(cursor);
      throw e;
    }
    keep(cursor);
  }

  private static boolean isAt(Cursor cursor, CheckpointListing.Block block) {
    return cursor.path.equals(block.item().path()) && cursor.at == block.offset();
  }

  private Cursor open(CheckpointListing.Block block) throws IOException {
    synchronized (idle) {
      for (Iterator<Cursor> it = idle.iterator(); it.hasNext(); ) {
        Cursor cursor = it.next();
        if (isAt(cursor, block)) {
          it.remove();
          return cursor;
        }
      }
    }
    String path = block.item().path();
    return new Cursor(source.openForBlocks(path, block.offset()), path, block.offset());
  }

  /** Leaves a stream to the thread that reads on, and closes the one that has waited longest. */
  private void keep(Cursor cursor) {
    Cursor oldest = null;
    synchronized (idle) {
      if (cursor != null) {
        idle.add(cursor);
      }
      if (idle.size() > (closed ? 0 : IDLE_STREAMS)) {
        oldest = idle.remove(0);
      }
    }
    close(oldest);
  }

  private void read(Cursor cursor, CheckpointListing.Block block, byte[] into, int at)
      throws IOException {
    int got = Slices.read(cursor.stream, into, at, block.length());
    cursor.at += got;
    if (got < block.length()) {
      long now = source.stat(cursor.path).size();
      if (now != block.item().size()) {
        throw changed(cursor.path + " had " + block.item().size() + " bytes and now has " + now);
      }
      throw new IOException(cursor.path + " ended early at byte " + (block.offset() + got));
    }
  }

  private void requireUnchanged(ChunkPlan.Chunk chunk) throws IOException {
    Set<String> seen = new HashSet<>();
    for (CheckpointListing.Block block : chunk.blocks()) {
      CheckpointListing.Item item = block.item();
      if (!seen.add(item.path())) {
        continue;
      }
      FileSource.Entry now = source.stat(item.path());
      if (now.size() != item.size()) {
        throw changed(item.path() + " had " + item.size() + " bytes and now has " + now.size());
      }
      if (!now.version().equals(item.version())) {
        throw changed(item.path() + " was written again");
      }
    }
  }

  private synchronized void remember(ChunkPlan.Chunk chunk, byte[][] digests) {
    for (int i = 0; i < digests.length; i++) {
      int block = chunk.firstBlock() + i;
      if (differs(block, digests[i])) {
        throw changed(
            chunk.blocks().get(i).item().path()
                + " gave other bytes than before at "
                + chunk.blocks().get(i).offset());
      }
      known[block] = digests[i];
    }
  }

  private WeightsException changed(String what) {
    return new WeightsException(
        "Cannot use model "
            + source.name()
            + ": it changed while it was read: "
            + what
            + "; run the command again when the folder is complete");
  }

  private void pause(int attempt) throws IOException {
    if (attempt == 0) {
      return;
    }
    try {
      Thread.sleep(retryMillis << (attempt - 1));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new WeightsException("Cannot read model " + source.name() + ": interrupted", e);
    }
  }

  private static void close(Cursor cursor) {
    if (cursor != null) {
      try {
        cursor.stream.close();
      } catch (IOException e) {
        LOG.debug("Cannot close {}, which was only read", cursor.path, e);
      }
    }
  }

  /** Closes the streams. A thread that is reading closes its stream at the end of its chunk. */
  @Override
  public void close() {
    synchronized (idle) {
      closed = true;
      idle.forEach(ChunkReader::close);
      idle.clear();
    }
  }
}
