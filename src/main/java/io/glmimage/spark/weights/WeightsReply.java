package io.glmimage.spark.weights;

import java.util.BitSet;

/**
 * The driver's reply to a {@link WeightsQuestion}. On the wire, a reply is an array of JDK types.
 */
sealed interface WeightsReply {
  /** The array that is sent; the first element is the kind. */
  Object[] toWire();

  /**
   * Nothing to send now; the node asks again.
   *
   * @param inFlight the chunks that other nodes may still fetch
   */
  record Wait(BitSet inFlight) implements WeightsReply {
    @Override
    public Object[] toWire() {
      return new Object[] {"wait", inFlight.toByteArray()};
    }
  }

  /**
   * A chunk that the node does not have.
   *
   * @param block its number as {@link ChunkBlocks} counts
   * @param holder the process to fetch it from
   * @param digests the SHA-256 of its blocks, joined
   * @param offer whether other nodes may want to fetch it from this node
   * @param inFlight the chunks that other nodes may still fetch
   */
  record Chunk(
      int index, long block, ChunkPeer holder, byte[] digests, boolean offer, BitSet inFlight)
      implements WeightsReply {
    @Override
    public Object[] toWire() {
      return new Object[] {
        "chunk",
        index,
        block,
        holder.host(),
        holder.port(),
        holder.executor(),
        digests,
        offer,
        inFlight.toByteArray()
      };
    }

    private static Chunk ofWire(Object[] wire) {
      return new Chunk(
          (int) wire[1],
          (long) wire[2],
          new ChunkPeer((String) wire[3], (int) wire[4], (String) wire[5]),
          (byte[]) wire[6],
          (boolean) wire[7],
          BitSet.valueOf((byte[]) wire[8]));
    }
  }

  /** The distribution has failed or ended. */
  record Failed(String why) implements WeightsReply {
    @Override
    public Object[] toWire() {
      return new Object[] {"failed", why};
    }
  }

  /** The driver has accepted the message. */
  record Ok() implements WeightsReply {
    @Override
    public Object[] toWire() {
      return new Object[] {"ok"};
    }
  }

  /** Blocks of the node that differ from the source. */
  record Wrong(BitSet blocks) implements WeightsReply {
    @Override
    public Object[] toWire() {
      return new Object[] {"wrong", blocks.toByteArray()};
    }
  }

  /**
   * @throws IllegalArgumentException for an unknown kind
   */
  static WeightsReply ofWire(Object[] wire) {
    return switch ((String) wire[0]) {
      case "wait" -> new Wait(BitSet.valueOf((byte[]) wire[1]));
      case "chunk" -> Chunk.ofWire(wire);
      case "failed" -> new Failed((String) wire[1]);
      case "ok" -> new Ok();
      case "wrong" -> new Wrong(BitSet.valueOf((byte[]) wire[1]));
      default -> throw new IllegalArgumentException("Invalid reply: " + wire[0]);
    };
  }
}
