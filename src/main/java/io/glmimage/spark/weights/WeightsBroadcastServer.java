package io.glmimage.spark.weights;

import io.glmimage.error.GlmImageException;
import io.glmimage.io.FileSource;
import io.glmimage.weights.CheckpointListing;
import io.glmimage.weights.ChunkPlan;
import io.glmimage.weights.ChunkReader;
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
import java.util.function.Consumer;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The driver's side of the distribution: a carousel of chunks.
 *
 * <p>Nodes ask for what they lack; nothing depends on which executors exist, or on Spark placing a
 * task anywhere. While any node lacks something, one thread reads the next chunk that somebody
 * lacks, going round the checkpoint, and makes a broadcast of it. A chunk that no asking node lacks
 * any more is taken out of all block stores. So nodes that start together get every chunk from one
 * reading of the source, peer to peer; a node that joins in the middle takes what goes round and
 * then what it missed; and with {@link #WINDOW} chunks in flight the heap stays flat.
 *
 * <p>Nodes are soft state: one that has not been heard of for {@link #silentMillis} no longer holds
 * a chunk back, and comes back with its next question. One that stays slower than the others finds
 * its chunk gone after {@link #SLOW_MILLIS} and asks again.
 */
final class WeightsBroadcastServer implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(WeightsBroadcastServer.class);

  /** Chunks that exist as broadcasts at a time. */
  static final int WINDOW = 2;

  /** How long the first node waits for others to join before chunks flow. */
  private static final long GATHER_MILLIS = 1_000;

  /** A node that says nothing for so long is held for dead; tests do not wait as long. */
  static volatile long silentMillis = 20_000;

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
  private final CheckpointListing manifest;
  private final ChunkPlan plan;
  private final ChunkReader reader;
  private final Consumer<WeightsStatus> progress;
  private final Thread thread;
  private final ExecutorService releaser =
      Executors.newSingleThreadExecutor(
          work -> {
            Thread t = new Thread(work, "weights-release");
            t.setDaemon(true);
            return t;
          });

  // All below is guarded by this.
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

  WeightsBroadcastServer(
      JavaSparkContext spark,
      FileSource source,
      CheckpointListing manifest,
      WeightsOptions options,
      Consumer<WeightsStatus> progress) {
    this.spark = spark;
    this.manifest = manifest;
    this.plan = new ChunkPlan(manifest, options.chunkBytes());
    this.reader = new ChunkReader(source, plan);
    this.progress = progress;
    this.thread = new Thread(this::run, "weights-broadcast");
    thread.setDaemon(true);
  }

  void start() {
    thread.start();
  }

  /** Answers a node; never blocks for long. */
  Object[] answer(Object[] message) {
    return switch ((String) message[0]) {
      case "next" -> next((String) message[1], BitSet.valueOf((byte[]) message[2]));
      case "finish" ->
          finish((String) message[1], (byte[]) message[2], (long) message[3], (long) message[4]);
      case "alive" -> alive((String) message[1]);
      case "reused" -> reused((String) message[1]);
      case "leave" -> leave((String) message[1], (String) message[2]);
      default -> new Object[] {"failed", "unknown question " + message[0]};
    };
  }

  private synchronized Object[] next(String name, BitSet have) {
    if (failure != null) {
      return new Object[] {"failed", failure};
    }
    long now = System.nanoTime();
    if (firstAsked == 0) {
      firstAsked = now;
    }
    if (nodes.isEmpty()) {
      gatherUntil = now + GATHER_MILLIS * 1_000_000;
    }
    Node node = nodes.computeIfAbsent(name, n -> new Node());
    node.have = have;
    node.seen = now;
    notifyAll();
    for (Map.Entry<Integer, Live> chunk : live.entrySet()) {
      if (!have.get(chunk.getKey())) {
        return new Object[] {
          "chunk", chunk.getKey(), chunk.getValue().broadcast, chunk.getValue().digests
        };
      }
    }
    return new Object[] {"wait"};
  }

  private Object[] finish(String name, byte[] digests, long peakHeap, long peakResident) {
    BitSet wrong = reader.wrong(digests);
    if (!wrong.isEmpty()) {
      return new Object[] {"wrong", wrong.toByteArray()};
    }
    synchronized (this) {
      nodes.remove(name);
      complete.add(name);
      lastFinished = System.nanoTime();
      nodePeakHeap = Math.max(nodePeakHeap, peakHeap);
      nodePeakResident = Math.max(nodePeakResident, peakResident);
      notifyAll();
    }
    return new Object[] {"ok"};
  }

  private synchronized Object[] alive(String name) {
    Node node = nodes.get(name);
    if (node != null) {
      node.seen = System.nanoTime();
    }
    return new Object[] {"ok"};
  }

  private synchronized Object[] reused(String name) {
    reused.add(name);
    notifyAll();
    return new Object[] {"ok"};
  }

  private synchronized Object[] leave(String name, String why) {
    if (nodes.remove(name) != null) {
      LOG.warn("Node {} stopped receiving the model: {}", name, why);
    }
    notifyAll();
    return new Object[] {"ok"};
  }

  synchronized WeightsStatus status() {
    long end = nodes.isEmpty() && lastFinished > 0 ? lastFinished : System.nanoTime();
    return new WeightsStatus(
        manifest.totalBytes(),
        readBytes,
        sent,
        repeated,
        inFlightPeak,
        nodes.size(),
        complete.size(),
        reused.size(),
        firstAsked == 0 ? 0 : (end - firstAsked) / 1e9,
        nodePeakHeap,
        nodePeakResident);
  }

  private void run() {
    try {
      int told = -1;
      while (true) {
        int index;
        List<Live> gone;
        int events;
        synchronized (this) {
          index = -1;
          gone = retire();
          events = sent + 1000 * (complete.size() + reused.size() + nodes.size());
          if (gone.isEmpty() && events == told) {
            index = choose();
            if (index < 0) {
              if (closed) {
                return;
              }
              // Woken by questions; the clock matters only while nodes are receiving.
              wait(nodes.isEmpty() && live.isEmpty() ? 0 : 100);
              continue;
            }
          }
        }
        gone.forEach(chunk -> releaser.execute(() -> release(chunk)));
        if (events != told) {
          told = events;
          report();
        }
        if (index >= 0) {
          send(index);
        }
      }
    } catch (InterruptedException e) {
      // close() ends the thread so.
      Thread.currentThread().interrupt();
    } catch (GlmImageException e) {
      fail(e.getMessage(), e);
    } catch (RuntimeException | Error e) {
      fail("Cannot broadcast model " + manifest.source() + ": " + e, e);
    }
  }

  private void report() {
    try {
      progress.accept(status());
    } catch (RuntimeException e) {
      LOG.warn("The progress display failed; the distribution goes on", e);
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

  /** Takes out chunks that nobody waits for. Called with the lock held. */
  private List<Live> retire() {
    long now = System.nanoTime();
    nodes.values().removeIf(node -> now - node.seen > silentMillis * 1_000_000);
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
      // First from the executors, and waited for: the heap must be free before the next comes.
      chunk.broadcast.unpersist(true);
    } catch (Exception e) {
      // An executor that dies meanwhile takes its copy along; Scala declares no exceptions.
      LOG.debug("An executor did not confirm that it dropped a chunk", e);
    }
    try {
      chunk.broadcast.destroy();
    } catch (Exception e) {
      LOG.debug("Spark had dropped a chunk already", e);
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
                + manifest.source()
                + ": its distribution has been closed on the driver";
      }
      notifyAll();
    }
    try {
      thread.join(30_000);
      releaser.shutdown();
      if (!releaser.awaitTermination(30, java.util.concurrent.TimeUnit.SECONDS)) {
        LOG.warn("Spark has not confirmed yet that the last chunks are dropped");
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
    return "distribution of " + manifest.source() + " in " + plan.size() + " chunks";
  }
}
