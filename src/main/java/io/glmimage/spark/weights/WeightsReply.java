package io.glmimage.spark.weights;

import java.util.BitSet;
import org.apache.spark.broadcast.Broadcast;

/**
 * The driver's reply to a {@link WeightsQuestion}. On the wire, a reply is an array of JDK and
 * Spark types.
 */
sealed interface WeightsReply {
  /** The array that is sent; the first element is the kind. */
  Object[] toWire();

  /** Nothing to send now; the node asks again. */
  record Wait() implements WeightsReply {
    @Override
    public Object[] toWire() {
      return new Object[] {"wait"};
    }
  }

  /**
   * A chunk that the node does not have.
   *
   * @param digests the SHA-256 of its blocks, joined
   */
  record Chunk(int index, Broadcast<?> bytes, byte[] digests) implements WeightsReply {
    @Override
    public Object[] toWire() {
      return new Object[] {"chunk", index, bytes, digests};
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
      case "wait" -> new Wait();
      case "chunk" -> new Chunk((int) wire[1], (Broadcast<?>) wire[2], (byte[]) wire[3]);
      case "failed" -> new Failed((String) wire[1]);
      case "ok" -> new Ok();
      case "wrong" -> new Wrong(BitSet.valueOf((byte[]) wire[1]));
      default -> throw new IllegalArgumentException("Invalid reply: " + wire[0]);
    };
  }
}
