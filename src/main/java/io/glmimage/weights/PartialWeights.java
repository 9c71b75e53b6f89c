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
 * A checkpoint that one process is writing into the cache. It has files of the final size with
 * holes, and a journal of the blocks written so far. After a crash, the next process resumes the
 * transfer. It reads the blocks named in the journal and keeps those with a correct checksum.
 */
public final class PartialWeights implements AutoCloseable {
  private final CheckpointListing listing;
  private final Path cacheRoot;
  private final Path folder;
  private final List<CheckpointListing.Block> blocks;
  private final byte[][] digests;
  private final Map<String, FileChannel> channels = new HashMap<>();
  private final FileChannel journal;

  /**
   * @param home the partial folder, whose lock the caller holds until this object is closed
   * @param cacheRoot for messages
   */
  PartialWeights(CheckpointListing listing, Path home, Path cacheRoot) throws IOException {
    this.listing = listing;
    this.cacheRoot = cacheRoot;
    this.folder = home.resolve("files");
    this.blocks = listing.blocks();
    this.digests = new byte[blocks.size()][];
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
    Path journalFile = CacheFolder.journalOf(home);
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

  /** The checkpoint that is being written. */
  public CheckpointListing listing() {
    return listing;
  }

  public synchronized boolean complete() {
    return Arrays.stream(digests).noneMatch(d -> d == null);
  }

  /** The chunks of {@code plan} that are complete. */
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

  /** The digests of all blocks, joined. Call this method only once {@link #complete}. */
  public synchronized byte[] digests() {
    return BlockDigests.join(digests);
  }

  /** The digests of all blocks. Call this method only once {@link #complete}. */
  synchronized byte[][] blockDigests() {
    return digests.clone();
  }

  /** The folder with the checkpoint's files. */
  Path files() {
    return folder;
  }

  /** Discards wrong blocks, which must be written again. */
  public synchronized void discard(BitSet wrong) {
    wrong.stream().forEach(i -> digests[i] = null);
  }

  /**
   * Checks the bytes of a chunk and writes the chunk. Several threads may write. A full disk ends
   * the transfer with an exception that {@link WeightsCache#obtain} reports.
   *
   * @param joined the blocks' SHA-256 as computed by the sender, joined
   * @return false if the bytes differ from those that were sent; nothing is written then
   * @throws WeightsException if the disk cannot be written
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
        Slices.write(channel, block.offset(), data, chunk.start(i), block.length());
        lines.append(chunk.firstBlock() + i).append(' ');
        lines.append(HexFormat.of().formatHex(expected[i])).append('\n');
      }
      ByteBuffer entry = ByteBuffer.wrap(lines.toString().getBytes(StandardCharsets.US_ASCII));
      synchronized (journal) {
        while (entry.hasRemaining()) {
          journal.write(entry);
        }
      }
    } catch (IOException e) {
      throw DiskFullException.orOther(listing, cacheRoot, e);
    }
    synchronized (this) {
      System.arraycopy(expected, 0, digests, chunk.firstBlock(), expected.length);
    }
    return true;
  }

  /** Waits until the content is on disk, which must be so before the entry is complete. */
  void force() throws IOException {
    for (CheckpointListing.Item item : listing.items()) {
      channel(item.path()).force(true);
    }
    closeChannels();
  }

  private synchronized FileChannel channel(String path) throws IOException {
    FileChannel channel = channels.get(path);
    if (channel == null) {
      channel = FileChannel.open(folder.resolve(path), StandardOpenOption.WRITE);
      channels.put(path, channel);
    }
    return channel;
  }

  private void resume(Path journalFile) throws IOException {
    // A crash may leave an incomplete last line, and a disk may lose data that was not forced.
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
    discard(BlockDigests.wrong(folder, blocks, digests));
  }

  private synchronized void closeChannels() throws IOException {
    for (FileChannel channel : channels.values()) {
      channel.close();
    }
    channels.clear();
  }

  /** Keeps the written data for the next process. */
  @Override
  public void close() throws IOException {
    try {
      closeChannels();
    } finally {
      journal.close();
    }
  }
}
