package io.glmimage.weights;

import io.glmimage.error.WeightsException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;

/**
 * A checkpoint that is being written into the cache by one process: files of the final size with
 * holes, and a journal of the blocks written so far. Whoever finds it after a crash goes on where
 * it ended: blocks that the journal names are read again and kept if their checksum is right.
 */
public final class PartialWeights implements AutoCloseable {
  private final WeightsCache cache;
  private final CheckpointListing listing;
  private final Path folder;
  private final List<CheckpointListing.Block> blocks;
  private final byte[][] digests;
  private final Map<String, FileChannel> channels = new HashMap<>();
  private final FileChannel journal;
  private final FileLocks.Held lock;
  private long written;

  PartialWeights(WeightsCache cache, CheckpointListing listing, Path home, FileLocks.Held lock)
      throws IOException {
    this.cache = cache;
    this.listing = listing;
    this.folder = home.resolve("files");
    this.blocks = listing.blocks();
    this.digests = new byte[blocks.size()][];
    this.lock = lock;
    Files.createDirectories(folder);
    for (CheckpointListing.Item item : listing.items()) {
      Path file = folder.resolve(item.path());
      Files.createDirectories(file.getParent());
      try (RandomAccessFile sized = new RandomAccessFile(file.toFile(), "rw")) {
        if (sized.length() != item.size()) {
          sized.setLength(item.size());
        }
      }
    }
    Path journalFile = home.resolve("journal");
    if (Files.exists(journalFile)) {
      resume(journalFile);
    }
    journal =
        FileChannel.open(
            journalFile,
            StandardOpenOption.CREATE,
            StandardOpenOption.WRITE,
            StandardOpenOption.APPEND);
  }

  /** What is being written. */
  public CheckpointListing listing() {
    return listing;
  }

  public synchronized boolean complete() {
    return Arrays.stream(digests).noneMatch(d -> d == null);
  }

  /** Bytes written by this process. */
  public synchronized long written() {
    return written;
  }

  /** The chunks of {@code plan} that are here in full. */
  public synchronized BitSet have(ChunkPlan plan) {
    BitSet have = new BitSet(plan.size());
    for (int i = 0; i < plan.size(); i++) {
      ChunkPlan.Chunk chunk = plan.chunk(i);
      boolean all = true;
      for (int b = 0; b < chunk.blocks().size(); b++) {
        all &= digests[chunk.firstBlock() + b] != null;
      }
      have.set(i, all);
    }
    return have;
  }

  /** The checksums of all blocks, one after the other, once {@link #complete}. */
  public synchronized byte[] digests() {
    return BlockDigests.join(digests);
  }

  /** Forgets blocks that turned out wrong; they must be written again. */
  public synchronized void discard(BitSet wrong) {
    wrong.stream().forEach(i -> digests[i] = null);
  }

  /**
   * Writes a chunk after checking its bytes.
   *
   * @param joined the blocks' SHA-256, one after the other, as the sender computed them
   * @return false if the bytes are not those that were sent; nothing is written then
   * @throws WeightsException if the disk is full or cannot be written
   */
  public boolean write(ChunkPlan plan, int index, byte[] data, byte[] joined) {
    byte[][] expected = BlockDigests.split(joined);
    ChunkPlan.Chunk chunk = plan.chunk(index);
    if (data.length != chunk.length()
        || !Arrays.deepEquals(BlockDigests.ofBlocks(data, chunk), expected)) {
      return false;
    }
    try {
      StringBuilder lines = new StringBuilder();
      for (int i = 0; i < expected.length; i++) {
        CheckpointListing.Block block = chunk.blocks().get(i);
        FileChannel channel = channel(block.item().path());
        ByteBuffer bytes = ByteBuffer.wrap(data, chunk.start(i), block.length());
        long at = block.offset();
        while (bytes.hasRemaining()) {
          at += channel.write(bytes, at);
        }
        lines.append(chunk.firstBlock() + i).append(' ');
        lines.append(HexFormat.of().formatHex(expected[i])).append('\n');
      }
      ByteBuffer entry = ByteBuffer.wrap(lines.toString().getBytes(StandardCharsets.US_ASCII));
      while (entry.hasRemaining()) {
        journal.write(entry);
      }
    } catch (IOException e) {
      throw cache.cannotWrite(listing, e);
    }
    synchronized (this) {
      System.arraycopy(expected, 0, digests, chunk.firstBlock(), expected.length);
      written += data.length;
    }
    return true;
  }

  /**
   * Makes the finished checkpoint an entry of the cache.
   *
   * @throws WeightsException if the disk cannot be written
   */
  CachedWeights publish() {
    try {
      for (CheckpointListing.Item item : listing.items()) {
        // Contents must be on the disk before the entry says that they are.
        channel(item.path()).force(true);
      }
      closeChannels();
      return cache.publish(listing, folder, digests);
    } catch (IOException e) {
      throw cache.cannotWrite(listing, e);
    }
  }

  private FileChannel channel(String path) throws IOException {
    FileChannel channel = channels.get(path);
    if (channel == null) {
      channel = FileChannel.open(folder.resolve(path), StandardOpenOption.WRITE);
      channels.put(path, channel);
    }
    return channel;
  }

  private void resume(Path journalFile) throws IOException {
    // A crash may leave half a line at the end, and a disk may lose what was not forced to it.
    for (String line : Files.readString(journalFile, StandardCharsets.ISO_8859_1).split("\n")) {
      if (!line.matches("[0-9]{1,9} [0-9a-f]{64}")) {
        continue;
      }
      int space = line.indexOf(' ');
      int block = Integer.parseInt(line.substring(0, space));
      if (block < digests.length) {
        digests[block] = HexFormat.of().parseHex(line, space + 1, line.length());
      }
    }
    BitSet wrong = WeightsCache.wrongBlocks(folder, blocks, digests);
    discard(wrong);
  }

  private void closeChannels() throws IOException {
    for (FileChannel channel : channels.values()) {
      channel.close();
    }
    channels.clear();
  }

  /** Leaves what was written for the next one. */
  @Override
  public void close() throws IOException {
    try {
      closeChannels();
      journal.close();
    } finally {
      lock.close();
    }
  }
}
