package io.glmimage.spark.weights;

import io.glmimage.error.GlmImageException;
import io.glmimage.io.FileSource;
import io.glmimage.weights.CheckpointListing;
import io.glmimage.weights.ChunkPlan;
import io.glmimage.weights.ChunkReader;
import java.time.Duration;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The driver's side of the distribution: a carousel of chunks.
 *
 * <p>Nodes ask for the chunks that they lack. Nothing depends on the existing executors or on the
 * placement of tasks. While any node lacks a chunk, one thread repeatedly reads and broadcasts the
 * next missing chunk, in a cycle over the checkpoint. A chunk that every asking node has is removed
 * from all block stores. Nodes that start together therefore share one read of the source, peer to
 * peer. A node that joins later takes the current chunks first, and then the chunks that it missed.
 * At most {@link #WINDOW} chunks are in flight, which bounds the heap.
 *
 * <p>The server keeps soft state about nodes. A node that has been silent for too long no longer
 * holds back the removal of a chunk; its next question registers the node again. A slow node may
 * find its chunk removed after {@link #SLOW_MILLIS} and asks again.
 */
final class WeightsBroadcastServer implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(WeightsBroadcastServer.class);

  /** The largest number of chunks that exist as broadcasts at the same time. */
  static final int WINDOW = 2;

  /** The time that the first node waits for other nodes to join before the first chunk is sent. */
  private static final long GATHER_MILLIS = 1_000;

  /** A node that has been silent for this long is treated as dead. */
  static final Duration SILENCE_DEFAULT = Duration.ofSeconds(20);

  private static final long SLOW_MILLIS = 60_000;

  private static final class Node {
    BitSet have = new BitSet();
    long seen;
  }

  private static final class Live {
    final Broadcast<byte[]> broadcast;
    final byte[] digests;
    final long since = System.nanoTime();

    Live(Broadcast<byte[]> broadcast, byte[] digests) {
      this.broadcast = broadcast;
      this.digests = digests;
    }
  }

  private final JavaSparkContext spark;
  private final CheckpointListing listing;
  private final ChunkPlan plan;
  private final ChunkReader reader;
  private final long silentNanos;
  private final Consumer<WeightsStatus> progress;
  private final Thread thread;
  private final ExecutorService releaser =
      Executors.newSingleThreadExecutor(
          work -> {
            Thread t = new Thread(work, "weights-release");
            t.setDaemon(true);
            return t;
          });

  // The fields below are guarded by this.
  private final Map<String, Node> nodes = new HashMap<>();
  private final Map<Integer, Live> live = new LinkedHashMap<>();
  private final Set<String> complete = new HashSet<>();
  private final Set<String> reused = new HashSet<>();
  private final BitSet sentBefore = new BitSet();
  private int releasing;
  private int cursor;
  private long gatherUntil;
  private String failure;
  private boolean closed;
  private long firstAsked;
  private long lastFinished;
  private long readBytes;
  private int sent;
  private int repeated;
  private int inFlightPeak;
  private long nodePeakHeap;
  private long nodePeakResident;

  /**
   * @param silence a node that has been silent for this long is treated as dead
   */
  WeightsBroadcastServer(
      JavaSparkContext spark,
      FileSource source,
      CheckpointListing listing,
      WeightsOptions options,
      Duration silence,
      Consumer<WeightsStatus> progress) {
    this.spark = spark;
    this.listing = listing;
    this.plan = new ChunkPlan(listing, options.chunkBytes());
    this.reader = new ChunkReader(source, plan);
    this.silentNanos = silence.toNanos();
    this.progress = progress;
    this.thread = new Thread(this::run, "weights-broadcast");
    thread.setDaemon(true);
  }

  void start() {
    thread.start();
  }

  /** Answers a node, without blocking for long. */
  WeightsReply answer(WeightsQuestion question) {
    if (question instanceof WeightsQuestion.Next next) {
      return next(next);
    }
    if (question instanceof WeightsQuestion.Finish finish) {
      return finish(finish);
    }
    synchronized (this) {
      if (question instanceof WeightsQuestion.Alive alive) {
        Node node = nodes.get(alive.node());
        if (node != null) {
          node.seen = System.nanoTime();
        }
      } else if (question instanceof WeightsQuestion.Reused had) {
        reused.add(had.node());
        notifyAll();
      } else if (question instanceof WeightsQuestion.Leave leave) {
        if (nodes.remove(leave.node()) != null) {
          LOG.warn("Node {} stopped receiving the model: {}", leave.node(), leave.why());
        }
        notifyAll();
      }
    }
    return new WeightsReply.Ok();
  }

  private synchronized WeightsReply next(WeightsQuestion.Next question) {
    if (failure != null) {
      return new WeightsReply.Failed(failure);
    }
    long now = System.nanoTime();
    if (firstAsked == 0) {
      firstAsked = now;
    }
    if (nodes.isEmpty()) {
      gatherUntil = now + GATHER_MILLIS * 1_000_000;
    }
    Node node = nodes.computeIfAbsent(question.node(), n -> new Node());
    node.have = question.have();
    node.seen = now;
    notifyAll();
    for (Map.Entry<Integer, Live> chunk : live.entrySet()) {
      if (!node.have.get(chunk.getKey())) {
        return new WeightsReply.Chunk(
            chunk.getKey(), chunk.getValue().broadcast, chunk.getValue().digests);
      }
    }
    return new WeightsReply.Wait();
  }

  private WeightsReply finish(WeightsQuestion.Finish question) {
    BitSet wrong = reader.wrong(question.digests());
    if (!wrong.isEmpty()) {
      return new WeightsReply.Wrong(wrong);
    }
    synchronized (this) {
      nodes.remove(question.node());
      complete.add(question.node());
      lastFinished = System.nanoTime();
      nodePeakHeap = Math.max(nodePeakHeap, question.peakHeapBytes());
      nodePeakResident = Math.max(nodePeakResident, question.peakResidentBytes());
      notifyAll();
    }
    return new WeightsReply.Ok();
  }

  synchronized WeightsStatus status() {
    long end = nodes.isEmpty() && lastFinished > 0 ? lastFinished : System.nanoTime();
    return new WeightsStatus(
        listing.totalBytes(),
        readBytes,
        firstAsked == 0 ? 0 : (end - firstAsked) / 1e9,
        new WeightsStatus.Chunks(sent, repeated, inFlightPeak),
        new WeightsStatus.Nodes(
            nodes.size(), complete.size(), reused.size(), nodePeakHeap, nodePeakResident));
  }

  private void run() {
    try {
      int reported = -1;
      while (true) {
        int index;
        List<Live> gone;
        int events;
        synchronized (this) {
          index = -1;
          gone = retire();
          events = sent + 1000 * (complete.size() + reused.size() + nodes.size());
          if (gone.isEmpty() && events == reported) {
            index = choose();
            if (index < 0) {
              if (closed) {
                return;
              }
              // Questions wake this thread. The clock matters only while nodes are receiving.
              wait(nodes.isEmpty() && live.isEmpty() ? 0 : 100);
              continue;
            }
          }
        }
        gone.forEach(chunk -> releaser.execute(() -> release(chunk)));
        if (events != reported) {
          reported = events;
          report();
        }
        if (index >= 0) {
          send(index);
        }
      }
    } catch (InterruptedException e) {
      // close() ends the thread in this way.
      Thread.currentThread().interrupt();
    } catch (GlmImageException e) {
      fail(e.getMessage(), e);
    } catch (RuntimeException | Error e) {
      fail("Cannot broadcast model " + listing.source() + ": " + e, e);
    }
  }

  private void report() {
    try {
      progress.accept(status());
    } catch (RuntimeException e) {
      LOG.warn("The progress callback failed; the distribution continues", e);
    }
  }

  private void fail(String message, Throwable cause) {
    LOG.error("{}", message, cause);
    List<Live> gone;
    synchronized (this) {
      failure = message;
      gone = new ArrayList<>(live.values());
      live.clear();
      releasing += gone.size();
    }
    gone.forEach(this::release);
  }

  /** Removes chunks that no node waits for. Called with the lock held. */
  private List<Live> retire() {
    long now = System.nanoTime();
    nodes.values().removeIf(node -> now - node.seen > silentNanos);
    List<Live> gone = new ArrayList<>();
    for (Iterator<Map.Entry<Integer, Live>> it = live.entrySet().iterator(); it.hasNext(); ) {
      Map.Entry<Integer, Live> chunk = it.next();
      boolean wanted = nodes.values().stream().anyMatch(n -> !n.have.get(chunk.getKey()));
      boolean slow =
          now - chunk.getValue().since > SLOW_MILLIS * 1_000_000
              && live.size() >= WINDOW
              && nodes.values().stream().anyMatch(n -> n.have.get(chunk.getKey()));
      if (!wanted || slow || closed) {
        gone.add(chunk.getValue());
        it.remove();
        releasing++;
      }
    }
    return gone;
  }

  /** The next chunk to send, or -1. Called with the lock held. */
  private int choose() {
    if (closed
        || live.size() >= WINDOW
        || live.size() + releasing > WINDOW
        || System.nanoTime() < gatherUntil) {
      return -1;
    }
    for (int i = 0; i < plan.size(); i++) {
      int index = (cursor + i) % plan.size();
      if (!live.containsKey(index) && nodes.values().stream().anyMatch(n -> !n.have.get(index))) {
        cursor = (index + 1) % plan.size();
        return index;
      }
    }
    return -1;
  }

  private void send(int index) {
    ChunkReader.Data data = reader.read(index);
    Broadcast<byte[]> broadcast = spark.broadcast(data.bytes());
    synchronized (this) {
      live.put(index, new Live(broadcast, data.joinedDigests()));
      readBytes += data.bytes().length;
      sent++;
      if (sentBefore.get(index)) {
        repeated++;
      }
      sentBefore.set(index);
      inFlightPeak = Math.max(inFlightPeak, live.size() + releasing);
    }
  }

  private void release(Live chunk) {
    try {
      // Waits for the executors, because their heap must be free before the next chunk arrives.
      chunk.broadcast.unpersist(true);
    } catch (Exception e) {
      // The copy on a dead executor is gone. Scala methods do not declare exceptions.
      LOG.debug("An executor did not confirm that it dropped a chunk", e);
    }
    try {
      chunk.broadcast.destroy();
    } catch (Exception e) {
      LOG.debug("Spark has already dropped a chunk", e);
    }
    synchronized (this) {
      releasing--;
      notifyAll();
    }
  }

  @Override
  public void close() {
    synchronized (this) {
      closed = true;
      if (failure == null) {
        failure =
            "Cannot receive model "
                + listing.source()
                + ": its distribution has been closed on the driver";
      }
      notifyAll();
    }
    try {
      thread.join(30_000);
      releaser.shutdown();
      if (!releaser.awaitTermination(30, TimeUnit.SECONDS)) {
        LOG.warn("Spark has not yet confirmed that the last chunks are dropped");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      releaser.shutdownNow();
    }
    thread.interrupt();
    reader.close();
  }

  /** For messages in tests and logs. */
  @Override
  public String toString() {
    return "distribution of " + listing.source() + " in " + plan.size() + " chunks";
  }
}
