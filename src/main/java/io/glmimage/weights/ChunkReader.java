package io.glmimage.weights;

import io.glmimage.error.WeightsException;
import io.glmimage.io.FileSource;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashSet;
import java.util.Set;

/**
 * Reads a checkpoint's chunks from the source and checks that the source still matches the listing.
 * Not thread-safe, except for {@link #wrong}. Sequential reads share one open stream.
 */
public final class ChunkReader implements AutoCloseable {
  private static final int ATTEMPTS = 4;

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
  private InputStream stream;
  private String streamPath = "";
  private long streamAt;

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
        for (int i = 0; i < chunk.blocks().size(); i++) {
          read(chunk.blocks().get(i), bytes, chunk.start(i));
        }
        requireUnchanged(chunk);
        byte[][] digests = BlockDigests.ofBlocks(bytes, chunk);
        remember(chunk, digests);
        return new Data(bytes, digests);
      } catch (FileNotFoundException e) {
        drop();
        throw changed(String.valueOf(e.getMessage()));
      } catch (IOException e) {
        drop();
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

  private void read(CheckpointListing.Block block, byte[] into, int at) throws IOException {
    String path = block.item().path();
    if (stream == null || !streamPath.equals(path) || streamAt != block.offset()) {
      drop();
      stream = source.open(path, block.offset());
      streamPath = path;
      streamAt = block.offset();
    }
    int got = stream.readNBytes(into, at, block.length());
    streamAt += got;
    if (got < block.length()) {
      drop();
      long now = source.stat(path).size();
      if (now != block.item().size()) {
        throw changed(path + " had " + block.item().size() + " bytes and now has " + now);
      }
      throw new IOException(path + " ended early at byte " + (block.offset() + got));
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

  private void drop() {
    InputStream old = stream;
    stream = null;
    if (old != null) {
      try {
        old.close();
      } catch (IOException e) {
        // A failure to close does not matter: reading continues with a new stream.
        streamPath = "";
      }
    }
  }

  @Override
  public void close() {
    drop();
  }
}
