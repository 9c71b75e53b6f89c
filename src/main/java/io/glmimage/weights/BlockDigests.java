package io.glmimage.weights;

import io.glmimage.digest.Sha256;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * Computes the SHA-256 of checkpoint blocks and converts between one array per block and one joined
 * array for a message.
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
}
