package io.glmimage.weights;

import java.util.ArrayList;
import java.util.List;

/**
 * The division of a checkpoint into chunks for the transfer to the nodes. Each chunk consists of
 * consecutive whole blocks. A chunk has at most the requested size, or is a single block. A chunk
 * may contain many small files.
 */
public final class ChunkPlan {
  /**
   * Consecutive blocks. {@code firstBlock} is the index of the first block in the whole checkpoint.
   */
  static final class Chunk {
    private final int firstBlock;
    private final List<CheckpointListing.Block> blocks;
    private final int[] starts;
    private final int length;

    private Chunk(int firstBlock, List<CheckpointListing.Block> blocks) {
      this.firstBlock = firstBlock;
      this.blocks = List.copyOf(blocks);
      this.starts = new int[blocks.size()];
      int at = 0;
      for (int i = 0; i < starts.length; i++) {
        starts[i] = at;
        at = Math.addExact(at, blocks.get(i).length());
      }
      this.length = at;
    }

    int firstBlock() {
      return firstBlock;
    }

    List<CheckpointListing.Block> blocks() {
      return blocks;
    }

    /** The offset of block {@code i} in this chunk. */
    int start(int i) {
      return starts[i];
    }

    int length() {
      return length;
    }
  }

  private final List<Chunk> chunks = new ArrayList<>();
  private final int blocks;

  /**
   * @param chunkBytes the largest size of a chunk; a larger block is a separate chunk
   */
  public ChunkPlan(CheckpointListing listing, int chunkBytes) {
    List<CheckpointListing.Block> run = new ArrayList<>();
    long bytes = 0;
    int first = 0;
    for (CheckpointListing.Block block : listing.blocks()) {
      if (!run.isEmpty() && bytes + block.length() > chunkBytes) {
        chunks.add(new Chunk(first, run));
        first += run.size();
        run.clear();
        bytes = 0;
      }
      run.add(block);
      bytes += block.length();
    }
    if (!run.isEmpty()) {
      chunks.add(new Chunk(first, run));
    }
    blocks = first + run.size();
  }

  /** The number of chunks. */
  public int size() {
    return chunks.size();
  }

  /** The size of chunk {@code i}, in bytes. */
  public int length(int i) {
    return chunks.get(i).length();
  }

  /** The size of the largest chunk, in bytes. */
  public int largest() {
    return chunks.stream().mapToInt(Chunk::length).max().orElse(0);
  }

  Chunk chunk(int i) {
    return chunks.get(i);
  }

  int blocks() {
    return blocks;
  }
}
