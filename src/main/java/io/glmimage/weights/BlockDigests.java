package io.glmimage.weights;

import io.glmimage.digest.Sha256;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Computes and compares the SHA-256 of checkpoint blocks, and converts between one array per block
 * and one joined array for a message.
 */
final class BlockDigests {
  private BlockDigests() {}

  /** The digests of the blocks of one chunk. The chunk's bytes are consecutive in {@code data}. */
  static byte[][] ofBlocks(byte[] data, ChunkPlan.Chunk chunk) {
    return IntStream.range(0, chunk.blocks().size())
        .parallel()
        .mapToObj(i -> Sha256.of(data, chunk.start(i), chunk.blocks().get(i).length()))
        .toArray(byte[][]::new);
  }

  static byte[] join(byte[][] digests) {
    byte[] joined = new byte[digests.length * Sha256.BYTES];
    for (int i = 0; i < digests.length; i++) {
      System.arraycopy(digests[i], 0, joined, i * Sha256.BYTES, Sha256.BYTES);
    }
    return joined;
  }

  static byte[][] split(byte[] joined) {
    byte[][] digests = new byte[joined.length / Sha256.BYTES][];
    for (int i = 0; i < digests.length; i++) {
      digests[i] = Arrays.copyOfRange(joined, i * Sha256.BYTES, (i + 1) * Sha256.BYTES);
    }
    return digests;
  }

  /** The blocks whose content differs from their digests. Blocks without a digest are skipped. */
  static BitSet wrong(Path folder, List<CheckpointListing.Block> blocks, byte[][] digests)
      throws IOException {
    BitSet wrong = new BitSet();
    byte[] buffer = new byte[CheckpointListing.BLOCK_BYTES];
    String open = "";
    FileChannel channel = null;
    try {
      for (int i = 0; i < blocks.size(); i++) {
        if (digests[i] == null) {
          continue;
        }
        CheckpointListing.Block block = blocks.get(i);
        if (!open.equals(block.item().path())) {
          if (channel != null) {
            channel.close();
          }
          open = block.item().path();
          channel = FileChannel.open(folder.resolve(open), StandardOpenOption.READ);
        }
        ByteBuffer into = ByteBuffer.wrap(buffer, 0, block.length());
        if (!readFully(channel, block.offset(), into)
            || !Arrays.equals(Sha256.of(buffer, 0, block.length()), digests[i])) {
          wrong.set(i);
        }
      }
    } finally {
      if (channel != null) {
        channel.close();
      }
    }
    return wrong;
  }

  /** Whether the file was long enough to fill {@code into}. */
  private static boolean readFully(FileChannel channel, long offset, ByteBuffer into)
      throws IOException {
    long at = offset;
    int n = 0;
    while (into.hasRemaining() && n >= 0) {
      n = channel.read(into, at);
      at += Math.max(n, 0);
    }
    return !into.hasRemaining();
  }
}
