package io.glmimage.weights;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.stream.IntStream;

/** SHA-256, which every Java has. */
final class Sha256 {
  static final int BYTES = 32;

  private Sha256() {}

  static MessageDigest digest() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("this Java has no SHA-256", e);
    }
  }

  static byte[] of(byte[] data, int offset, int length) {
    MessageDigest digest = digest();
    digest.update(data, offset, length);
    return digest.digest();
  }

  /** The checksums of a chunk's blocks, which follow each other in {@code data}. */
  static byte[][] ofBlocks(byte[] data, ChunkPlan.Chunk chunk) {
    return IntStream.range(0, chunk.blocks().size())
        .parallel()
        .mapToObj(i -> of(data, chunk.start(i), chunk.blocks().get(i).length()))
        .toArray(byte[][]::new);
  }

  static byte[] join(byte[][] digests) {
    byte[] joined = new byte[digests.length * BYTES];
    for (int i = 0; i < digests.length; i++) {
      System.arraycopy(digests[i], 0, joined, i * BYTES, BYTES);
    }
    return joined;
  }

  static byte[][] split(byte[] joined) {
    byte[][] digests = new byte[joined.length / BYTES][];
    for (int i = 0; i < digests.length; i++) {
      digests[i] = Arrays.copyOfRange(joined, i * BYTES, (i + 1) * BYTES);
    }
    return digests;
  }
}
