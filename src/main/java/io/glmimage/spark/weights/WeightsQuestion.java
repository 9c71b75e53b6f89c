package io.glmimage.spark.weights;

import java.util.BitSet;

/**
 * A message from a node to the driver.
 *
 * <p>On the wire, a message is an array of JDK types. Spark's threads that read messages cannot
 * load classes from a job's jar.
 */
sealed interface WeightsQuestion {
  /** The name of the node, which is its host and its cache folder. */
  String node();

  /** The array that is sent; the first element is the kind. */
  Object[] toWire();

  /**
   * Asks for a chunk that the node neither has nor is fetching.
   *
   * @param peer the process that receives
   * @param have chunks that are written
   * @param busy chunks that are being fetched
   * @param offered chunks that other nodes can fetch from this node
   * @param driverOnly only the driver's own copy is wanted, because another node's was lost
   */
  record Next(
      String node, ChunkPeer peer, BitSet have, BitSet busy, BitSet offered, boolean driverOnly)
      implements WeightsQuestion {
    @Override
    public Object[] toWire() {
      return new Object[] {
        "next",
        node,
        peer.host(),
        peer.port(),
        peer.executor(),
        have.toByteArray(),
        busy.toByteArray(),
        offered.toByteArray(),
        driverOnly
      };
    }

    private static Next ofWire(Object[] wire) {
      return new Next(
          (String) wire[1],
          new ChunkPeer((String) wire[2], (int) wire[3], (String) wire[4]),
          BitSet.valueOf((byte[]) wire[5]),
          BitSet.valueOf((byte[]) wire[6]),
          BitSet.valueOf((byte[]) wire[7]),
          (boolean) wire[8]);
    }
  }

  /**
   * Reports that the node has all chunks.
   *
   * @param digests the SHA-256 of all blocks, joined
   * @param peakHeapBytes of the node's process, an upper bound
   * @param peakResidentBytes of the node's process, 0 if unknown
   */
  record Finish(String node, byte[] digests, long peakHeapBytes, long peakResidentBytes)
      implements WeightsQuestion {
    @Override
    public Object[] toWire() {
      return new Object[] {"finish", node, digests, peakHeapBytes, peakResidentBytes};
    }
  }

  /** Shows that the node is still receiving. */
  record Alive(String node) implements WeightsQuestion {
    @Override
    public Object[] toWire() {
      return new Object[] {"alive", node};
    }
  }

  /** Reports that the node has the model from an earlier run. */
  record Reused(String node) implements WeightsQuestion {
    @Override
    public Object[] toWire() {
      return new Object[] {"reused", node};
    }
  }

  /** Reports that the node has stopped receiving. */
  record Leave(String node, String why) implements WeightsQuestion {
    @Override
    public Object[] toWire() {
      return new Object[] {"leave", node, why};
    }
  }

  /**
   * @throws IllegalArgumentException for an unknown kind
   */
  static WeightsQuestion ofWire(Object[] wire) {
    String node = (String) wire[1];
    return switch ((String) wire[0]) {
      case "next" -> Next.ofWire(wire);
      case "finish" -> new Finish(node, (byte[]) wire[2], (long) wire[3], (long) wire[4]);
      case "alive" -> new Alive(node);
      case "reused" -> new Reused(node);
      case "leave" -> new Leave(node, (String) wire[2]);
      default -> throw new IllegalArgumentException("Invalid question: " + wire[0]);
    };
  }
}
