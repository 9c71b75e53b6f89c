package io.glmimage.spark.weights;

import java.time.Duration;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongSupplier;

/**
 * Decides which chunk is sent next, which node fetches it from which process, and when a sent chunk
 * is removed, without sending anything. The number of chunks in flight bounds the heap.
 *
 * <p>A node fetches the chunk that the fewest nodes have or fetch. It fetches from another node if
 * one offers the chunk and is not busy, otherwise from the driver. The driver sends a chunk to one
 * node at a time, so that the nodes pass it on.
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
  /** The time that the first node waits for other nodes to join before the first chunk is sent. */
  static final Duration GATHER = Duration.ofSeconds(1);

  /** The time after which a chunk no longer waits for slow nodes. */
  static final Duration SLOW = Duration.ofMinutes(1);

  /** The largest number of transfers from one process at the same time. */
  static final int UPLOADS = 8;

  private static final String DRIVER = "";
  private static final long WINDOW_BYTES = 128L << 20;
  private static final int SIZE_MIN = 2;
  private static final int SIZE_MAX = 32;

  /** A chunk in flight. */
  record Live<T>(int index, T chunk, long since) {}

  /**
   * A chunk for a node.
   *
   * @param holder the process to fetch it from
   * @param offer whether other nodes may want to fetch it from this node
   */
  record Offer<T>(int index, T chunk, ChunkPeer holder, boolean offer) {}

  private static final class Node {
    ChunkPeer peer;
    BitSet have = new BitSet();
    BitSet offered = new BitSet();

    /** The chunks that the node is fetching, with the name of their holder. */
    final Map<Integer, String> fetching = new HashMap<>();

    long seen;

    boolean hasOrFetches(int chunk) {
      return have.get(chunk) || fetching.containsKey(chunk);
    }
  }

  private final int chunks;
  private final int size;
  private final ChunkPeer driver;
  private final long silentNanos;
  private final LongSupplier clock;
  private final Map<String, Node> nodes = new HashMap<>();
  private final Map<Integer, Live<T>> live = new LinkedHashMap<>();
  private final BitSet chosen = new BitSet();
  private final BitSet sentBefore = new BitSet();
  private int releasing;
  private int cursor;
  private long gatherUntil;
  private int sent;
  private int repeated;
  private int fromNodes;
  private int inFlightPeak;

  /**
   * @param chunks their number in the checkpoint
   * @param size the largest number of chunks in flight, those that are being read included
   * @param driver the process that sends the chunks
   * @param silence a node that has been silent for this long is treated as dead
   * @param clock nanoseconds, as those of {@link System#nanoTime}
   */
  ChunkWindow(int chunks, int size, ChunkPeer driver, Duration silence, LongSupplier clock) {
    this.chunks = chunks;
    this.size = size;
    this.driver = driver;
    this.silentNanos = silence.toNanos();
    this.clock = clock;
  }

  /** The number of chunks in flight that take an eighth of the heap, and at most 128 MiB. */
  static int sizeFor(int chunkBytes, long heapBytes) {
    long fit = Math.min(WINDOW_BYTES, heapBytes / 8) / chunkBytes;
    return (int) Math.max(SIZE_MIN, Math.min(SIZE_MAX, fit));
  }

  /** Registers a node with the chunks that it has. Returns a chunk in flight that it lacks. */
  Optional<Offer<T>> ask(WeightsQuestion.Next question) {
    long now = clock.getAsLong();
    if (nodes.isEmpty()) {
      gatherUntil = now + GATHER.toNanos();
    }
    Node node = nodes.computeIfAbsent(question.node(), n -> new Node());
    node.peer = question.peer();
    node.have = question.have();
    node.offered = question.offered();
    node.fetching.keySet().removeIf(chunk -> !question.busy().get(chunk));
    node.seen = now;
    Map<String, Integer> uploads = uploads();
    Live<T> best = null;
    String from = null;
    for (Live<T> chunk : live.values()) {
      if (node.hasOrFetches(chunk.index())
          || question.busy().get(chunk.index())
          || (best != null && copies(best.index()) <= copies(chunk.index()))) {
        continue;
      }
      String holder = question.driverOnly() ? DRIVER : holder(chunk.index(), node, uploads);
      if (uploads.getOrDefault(holder, 0) < UPLOADS
          && (question.driverOnly() || !(holder.equals(DRIVER) && leavesDriver(chunk.index())))) {
        best = chunk;
        from = holder;
      }
    }
    if (best == null) {
      return Optional.empty();
    }
    node.fetching.put(best.index(), from);
    ChunkPeer holder = driver;
    if (!from.equals(DRIVER)) {
      holder = nodes.get(from).peer;
      fromNodes++;
    }
    return Optional.of(new Offer<>(best.index(), best.chunk(), holder, nodes.size() > 1));
  }

  /** The node with the fewest transfers that offers a chunk, or the driver. */
  private String holder(int chunk, Node asking, Map<String, Integer> uploads) {
    return nodes.entrySet().stream()
        .filter(entry -> entry.getValue() != asking && entry.getValue().offered.get(chunk))
        .map(Map.Entry::getKey)
        .filter(name -> uploads.getOrDefault(name, 0) < UPLOADS)
        .min(Comparator.comparing((String name) -> uploads.getOrDefault(name, 0)))
        .orElse(DRIVER);
  }

  /** Whether a node is fetching a chunk from the driver, so that others can get it from there. */
  private boolean leavesDriver(int chunk) {
    return nodes.values().stream().anyMatch(node -> DRIVER.equals(node.fetching.get(chunk)));
  }

  private long copies(int chunk) {
    return nodes.values().stream().filter(node -> node.hasOrFetches(chunk)).count();
  }

  /** The transfers in progress by holder. */
  private Map<String, Integer> uploads() {
    Map<String, Integer> uploads = new HashMap<>();
    for (Node node : nodes.values()) {
      node.fetching.values().forEach(holder -> uploads.merge(holder, 1, Integer::sum));
    }
    return uploads;
  }

  /** The chunks that nodes may fetch now. */
  BitSet inFlight() {
    BitSet inFlight = new BitSet();
    live.keySet().forEach(inFlight::set);
    return inFlight;
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
    return nodes.isEmpty() && live.isEmpty() && chosen.isEmpty();
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
              && live.size() >= size
              && nodes.values().stream().anyMatch(node -> node.have.get(chunk.index()));
      if (all || slow || !isWanted(chunk.index())) {
        gone.add(chunk.chunk());
        it.remove();
        releasing++;
      }
    }
    return gone;
  }

  /**
   * The next wanted chunk that is not in flight, in the order of the cycle; -1 if there is none or
   * the window is full. {@link #sent} must follow.
   */
  int choose() {
    if (live.size() + chosen.cardinality() + releasing >= size
        || clock.getAsLong() - gatherUntil < 0) {
      return -1;
    }
    for (int i = 0; i < chunks; i++) {
      int index = (cursor + i) % chunks;
      if (!live.containsKey(index) && !chosen.get(index) && isWanted(index)) {
        cursor = (index + 1) % chunks;
        chosen.set(index);
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
    chosen.clear(index);
    live.put(index, new Live<>(index, chunk, clock.getAsLong()));
    sent++;
    if (sentBefore.get(index)) {
      repeated++;
    }
    sentBefore.set(index);
    inFlightPeak = Math.max(inFlightPeak, live.size() + chosen.cardinality() + releasing);
  }

  /** A removed chunk has left the memory of the executors. */
  void released() {
    releasing--;
  }

  /** What has been sent so far. */
  WeightsStatus.Chunks status() {
    return new WeightsStatus.Chunks(sent, repeated, fromNodes, inFlightPeak);
  }
}
