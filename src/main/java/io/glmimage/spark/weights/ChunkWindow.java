package io.glmimage.spark.weights;

import java.time.Duration;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongSupplier;

/**
 * Decides which chunk is sent next and when a sent chunk is removed, without sending anything. At
 * most {@link #SIZE} chunks are in flight, which bounds the heap.
 *
 * <p>The window keeps soft state about nodes. A node that has been silent for too long no longer
 * holds back the removal of a chunk; its next question registers the node again. A slow node may
 * find its chunk removed after {@link #SLOW} and asks again.
 *
 * <p>Not thread-safe.
 *
 * @param <T> a sent chunk
 */
final class ChunkWindow<T> {
  /** The largest number of chunks that exist as broadcasts at the same time. */
  static final int SIZE = 2;

  /** The time that the first node waits for other nodes to join before the first chunk is sent. */
  static final Duration GATHER = Duration.ofSeconds(1);

  /** The time after which a chunk no longer waits for slow nodes. */
  static final Duration SLOW = Duration.ofMinutes(1);

  /** A chunk in flight. */
  record Live<T>(int index, T chunk, long since) {}

  private static final class Node {
    BitSet have = new BitSet();
    long seen;
  }

  private final int chunks;
  private final long silentNanos;
  private final LongSupplier clock;
  private final Map<String, Node> nodes = new HashMap<>();
  private final Map<Integer, Live<T>> live = new LinkedHashMap<>();
  private final BitSet sentBefore = new BitSet();
  private int releasing;
  private int cursor;
  private long gatherUntil;
  private int sent;
  private int repeated;
  private int inFlightPeak;

  /**
   * @param chunks their number in the checkpoint
   * @param silence a node that has been silent for this long is treated as dead
   * @param clock nanoseconds, as those of {@link System#nanoTime}
   */
  ChunkWindow(int chunks, Duration silence, LongSupplier clock) {
    this.chunks = chunks;
    this.silentNanos = silence.toNanos();
    this.clock = clock;
  }

  /** Registers a node with the chunks that it has. Returns a chunk in flight that it lacks. */
  Optional<Live<T>> ask(String name, BitSet have) {
    long now = clock.getAsLong();
    if (nodes.isEmpty()) {
      gatherUntil = now + GATHER.toNanos();
    }
    Node node = nodes.computeIfAbsent(name, n -> new Node());
    node.have = have;
    node.seen = now;
    return live.values().stream().filter(chunk -> !have.get(chunk.index())).findFirst();
  }

  /** A node is at work, although it asks for nothing. */
  void alive(String name) {
    Node node = nodes.get(name);
    if (node != null) {
      node.seen = clock.getAsLong();
    }
  }

  /** A node needs no more chunks. Returns whether it was registered. */
  boolean leave(String name) {
    return nodes.remove(name) != null;
  }

  /** The number of nodes that receive chunks. */
  int nodes() {
    return nodes.size();
  }

  /** Whether only a question of a node can give something to do. */
  boolean isIdle() {
    return nodes.isEmpty() && live.isEmpty();
  }

  /**
   * Removes the chunks that no node waits for. {@link #released} must follow for each of them.
   *
   * @param all removes all chunks
   */
  List<T> retire(boolean all) {
    long now = clock.getAsLong();
    nodes.values().removeIf(node -> now - node.seen > silentNanos);
    List<T> gone = new ArrayList<>();
    for (Iterator<Live<T>> it = live.values().iterator(); it.hasNext(); ) {
      Live<T> chunk = it.next();
      boolean slow =
          now - chunk.since() > SLOW.toNanos()
              && live.size() >= SIZE
              && nodes.values().stream().anyMatch(node -> node.have.get(chunk.index()));
      if (all || slow || !isWanted(chunk.index())) {
        gone.add(chunk.chunk());
        it.remove();
        releasing++;
      }
    }
    return gone;
  }

  /** The next chunk to send, or -1. */
  int choose() {
    if (live.size() + releasing >= SIZE || clock.getAsLong() - gatherUntil < 0) {
      return -1;
    }
    int index = wanted(-1);
    if (index >= 0) {
      cursor = (index + 1) % chunks;
    }
    return index;
  }

  /** The chunk that is likely to be chosen after a chosen one, or -1. */
  int following(int chosen) {
    return wanted(chosen);
  }

  /**
   * The next wanted chunk that is not in flight, in the order of the cycle; -1 if there is none.
   */
  private int wanted(int except) {
    for (int i = 0; i < chunks; i++) {
      int index = (cursor + i) % chunks;
      if (index != except && !live.containsKey(index) && isWanted(index)) {
        return index;
      }
    }
    return -1;
  }

  private boolean isWanted(int index) {
    return nodes.values().stream().anyMatch(node -> !node.have.get(index));
  }

  /** A chosen chunk has been sent. */
  void sent(int index, T chunk) {
    live.put(index, new Live<>(index, chunk, clock.getAsLong()));
    sent++;
    if (sentBefore.get(index)) {
      repeated++;
    }
    sentBefore.set(index);
    inFlightPeak = Math.max(inFlightPeak, live.size() + releasing);
  }

  /** A removed chunk has left the memory of the executors. */
  void released() {
    releasing--;
  }

  /** What has been sent so far. */
  WeightsStatus.Chunks status() {
    return new WeightsStatus.Chunks(sent, repeated, inFlightPeak);
  }
}
