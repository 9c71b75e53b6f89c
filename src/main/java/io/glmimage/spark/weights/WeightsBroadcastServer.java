package io.glmimage.spark.weights;

import io.glmimage.error.GlmImageException;
import io.glmimage.io.DaemonThreads;
import io.glmimage.io.FileSource;
import io.glmimage.weights.CheckpointListing;
import io.glmimage.weights.ChunkPlan;
import io.glmimage.weights.ChunkReader;
import java.time.Duration;
import java.util.BitSet;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
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
 * placement of tasks. While any node lacks a chunk, one thread repeatedly broadcasts the next
 * missing chunk, in a cycle over the checkpoint; {@link ChunksAhead} reads them. A chunk that every
 * asking node has is removed from all block stores. Nodes that start together therefore share one
 * read of the source, peer to peer. A node that joins later takes the current chunks first, and
 * then the chunks that it missed. {@link ChunkWindow} decides which chunk comes next and which one
 * is removed.
 */
final class WeightsBroadcastServer implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(WeightsBroadcastServer.class);

  /** A node that has been silent for this long is treated as dead. */
  static final Duration SILENCE_DEFAULT = Duration.ofSeconds(20);

  /**
   * A chunk that has been sent.
   *
   * @param digests the SHA-256 of its blocks, joined
   */
  private record Sent(Broadcast<byte[]> broadcast, byte[] digests) {}

  /** Progress is reported when one of these numbers has changed. */
  private record Events(int sent, int complete, int reused, int receiving) {}

  private final JavaSparkContext spark;
  private final CheckpointListing listing;
  private final ChunkPlan plan;
  private final ChunkReader reader;
  private final ChunksAhead ahead;
  private final Consumer<WeightsStatus> progress;
  private final Thread thread;
  private final ExecutorService releaser =
      Executors.newSingleThreadExecutor(DaemonThreads.named("weights-release"));

  // The fields below are guarded by this.
  private final ChunkWindow<Sent> window;
  private final Set<String> complete = new HashSet<>();
  private final Set<String> reused = new HashSet<>();
  private String failure;
  private boolean closed;
  private long firstAsked;
  private long lastFinished;
  private long readBytes;
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
    this.ahead = new ChunksAhead(reader);
    this.window = new ChunkWindow<>(plan.size(), silence, System::nanoTime);
    this.progress = progress;
    this.thread = DaemonThreads.named("weights-broadcast").newThread(this::run);
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
        window.alive(alive.node());
      } else if (question instanceof WeightsQuestion.Reused had) {
        reused.add(had.node());
        notifyAll();
      } else if (question instanceof WeightsQuestion.Leave leave) {
        if (window.leave(leave.node())) {
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
    if (firstAsked == 0) {
      firstAsked = System.nanoTime();
    }
    Optional<ChunkWindow.Live<Sent>> found = window.ask(question.node(), question.have());
    notifyAll();
    if (found.isEmpty()) {
      return new WeightsReply.Wait();
    }
    Sent chunk = found.get().chunk();
    return new WeightsReply.Chunk(found.get().index(), chunk.broadcast(), chunk.digests());
  }

  private WeightsReply finish(WeightsQuestion.Finish question) {
    BitSet wrong = reader.wrong(question.digests());
    if (!wrong.isEmpty()) {
      return new WeightsReply.Wrong(wrong);
    }
    synchronized (this) {
      window.leave(question.node());
      complete.add(question.node());
      lastFinished = System.nanoTime();
      nodePeakHeap = Math.max(nodePeakHeap, question.peakHeapBytes());
      nodePeakResident = Math.max(nodePeakResident, question.peakResidentBytes());
      notifyAll();
    }
    return new WeightsReply.Ok();
  }

  synchronized WeightsStatus status() {
    long end = window.nodes() == 0 && lastFinished > 0 ? lastFinished : System.nanoTime();
    return new WeightsStatus(
        listing.totalBytes(),
        readBytes,
        firstAsked == 0 ? 0 : (end - firstAsked) / 1e9,
        window.status(),
        new WeightsStatus.Nodes(
            window.nodes(), complete.size(), reused.size(), nodePeakHeap, nodePeakResident));
  }

  private void run() {
    try {
      Events reported = null;
      while (true) {
        int index;
        int following = -1;
        List<Sent> gone;
        Events events;
        synchronized (this) {
          index = -1;
          gone = window.retire(closed);
          events =
              new Events(window.status().sent(), complete.size(), reused.size(), window.nodes());
          if (gone.isEmpty() && events.equals(reported)) {
            index = closed ? -1 : window.choose();
            if (index < 0) {
              if (closed) {
                return;
              }
              // Questions wake this thread. The clock matters only while nodes are receiving.
              wait(window.isIdle() ? 0 : 100);
              continue;
            }
            following = window.following(index);
          }
        }
        gone.forEach(chunk -> releaser.execute(() -> release(chunk)));
        if (!events.equals(reported)) {
          reported = events;
          report();
        }
        if (index >= 0) {
          send(index, following);
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
    List<Sent> gone;
    synchronized (this) {
      failure = message;
      gone = window.retire(true);
    }
    gone.forEach(this::release);
  }

  private void send(int index, int following) throws InterruptedException {
    ChunkReader.Data data = ahead.read(index, following);
    Broadcast<byte[]> broadcast = spark.broadcast(data.bytes());
    synchronized (this) {
      window.sent(index, new Sent(broadcast, data.joinedDigests()));
      readBytes += data.bytes().length;
    }
  }

  private void release(Sent chunk) {
    try {
      // Waits for the executors, because their heap must be free before the next chunk arrives.
      chunk.broadcast().unpersist(true);
    } catch (Exception e) {
      // The copy on a dead executor is gone. Scala methods do not declare exceptions.
      LOG.debug("An executor did not confirm that it dropped a chunk", e);
    }
    try {
      chunk.broadcast().destroy();
    } catch (Exception e) {
      LOG.debug("Spark has already dropped a chunk", e);
    }
    synchronized (this) {
      window.released();
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
    try {
      ahead.close();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** For messages in tests and logs. */
  @Override
  public String toString() {
    return "distribution of " + listing.source() + " in " + plan.size() + " chunks";
  }
}
