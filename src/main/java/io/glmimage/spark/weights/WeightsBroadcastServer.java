package io.glmimage.spark.weights;

import io.glmimage.error.GlmImageException;
import io.glmimage.io.DaemonThreads;
import io.glmimage.io.FileSource;
import io.glmimage.weights.CheckpointListing;
import io.glmimage.weights.ChunkPlan;
import io.glmimage.weights.ChunkReader;
import java.io.IOException;
import java.time.Duration;
import java.util.BitSet;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The driver's side of the distribution: a carousel of chunks.
 *
 * <p>Nodes ask for the chunks that they lack. Nothing depends on the existing executors or on the
 * placement of tasks. While any node lacks a chunk, the next missing chunks are read by a few
 * threads, in a cycle over the checkpoint, and offered as {@link ChunkBlocks}. A chunk that every
 * asking node has is removed. Nodes that start together therefore share one read of the source and
 * fetch chunks from each other. A node that joins later takes the current chunks first, and then
 * the chunks that it missed. {@link ChunkWindow} decides which chunk comes next and which one is
 * removed.
 */
final class WeightsBroadcastServer implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(WeightsBroadcastServer.class);

  /** A node that has been silent for this long is treated as dead. */
  static final Duration SILENCE_DEFAULT = Duration.ofSeconds(20);

  private static final int READERS = 8;
  private static final AtomicLong BLOCKS = new AtomicLong(ChunkBlocks.FIRST_NUMBER);

  /**
   * A chunk that nodes can fetch.
   *
   * @param block its number as {@link ChunkBlocks} counts
   * @param digests the SHA-256 of its blocks, joined
   */
  private record Sent(long block, byte[] digests) {}

  /** Progress is reported when one of these numbers has changed. */
  private record Events(int sent, int complete, int reused, int receiving) {}

  private final CheckpointListing listing;
  private final ChunkPlan plan;
  private final ChunkReader reader;
  private final ExecutorService readers;
  private final Consumer<WeightsStatus> progress;
  private final Thread thread;
  private final ExecutorService releaser =
      Executors.newSingleThreadExecutor(DaemonThreads.named("weights-release"));

  // The fields below are guarded by this.
  private final ChunkWindow<Sent> window;
  private final Set<String> complete = new HashSet<>();
  private final Set<String> reused = new HashSet<>();
  private String failure;

  /** Whether all chunks have been removed, for good. */
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
      FileSource source,
      CheckpointListing listing,
      WeightsOptions options,
      Duration silence,
      Consumer<WeightsStatus> progress) {
    this.listing = listing;
    this.plan = new ChunkPlan(listing, options.chunkBytes());
    this.reader = new ChunkReader(source, plan);
    int size = ChunkWindow.sizeFor(options.chunkBytes(), Runtime.getRuntime().maxMemory());
    this.readers =
        Executors.newFixedThreadPool(Math.min(READERS, size), DaemonThreads.named("weights-read"));
    this.window =
        new ChunkWindow<>(plan.size(), size, ChunkBlocks.self(), silence, System::nanoTime);
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
    Optional<ChunkWindow.Offer<Sent>> found = window.ask(question);
    notifyAll();
    if (found.isEmpty()) {
      return new WeightsReply.Wait(window.inFlight());
    }
    ChunkWindow.Offer<Sent> chunk = found.get();
    return new WeightsReply.Chunk(
        chunk.index(),
        chunk.chunk().block(),
        chunk.holder(),
        chunk.chunk().digests(),
        chunk.offer(),
        window.inFlight());
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
        List<Sent> gone;
        Events events;
        synchronized (this) {
          index = -1;
          gone = window.retire(failure != null);
          events =
              new Events(window.status().sent(), complete.size(), reused.size(), window.nodes());
          if (gone.isEmpty() && events.equals(reported)) {
            index = failure != null ? -1 : window.choose();
            if (index < 0) {
              if (failure != null) {
                return;
              }
              // Questions wake this thread. The clock matters only while nodes are receiving.
              wait(window.isIdle() ? 0 : 100);
              continue;
            }
          }
        }
        release(gone);
        if (!events.equals(reported)) {
          reported = events;
          report();
        }
        if (index >= 0) {
          int chosen = index;
          readers.execute(() -> send(chosen));
        }
      }
    } catch (InterruptedException e) {
      // close() ends the thread in this way.
      Thread.currentThread().interrupt();
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
    synchronized (this) {
      if (failure != null) {
        // The first failure is reported; a closed distribution has no others.
        return;
      }
      failure = message;
      notifyAll();
    }
    LOG.error("{}", message, cause);
  }

  private void send(int index) {
    try {
      ChunkReader.Data data = reader.read(index);
      Sent chunk = new Sent(BLOCKS.getAndIncrement(), data.joinedDigests());
      ChunkBlocks.put(chunk.block(), data.bytes());
      synchronized (this) {
        if (!closed) {
          window.sent(index, chunk);
          readBytes += data.bytes().length;
          notifyAll();
          return;
        }
      }
      ChunkBlocks.remove(chunk.block());
    } catch (GlmImageException e) {
      fail(e.getMessage(), e);
    } catch (IOException | RuntimeException | Error e) {
      fail("Cannot broadcast model " + listing.source() + ": " + e, e);
    }
  }

  private void release(List<Sent> gone) {
    for (Sent chunk : gone) {
      try {
        releaser.execute(() -> release(chunk));
      } catch (RejectedExecutionException e) {
        LOG.debug("The distribution has been closed meanwhile", e);
        release(chunk);
      }
    }
  }

  private void release(Sent chunk) {
    ChunkBlocks.remove(chunk.block());
    synchronized (this) {
      window.released();
      notifyAll();
    }
  }

  @Override
  public void close() {
    synchronized (this) {
      if (failure == null) {
        failure =
            "Cannot receive model "
                + listing.source()
                + ": its distribution has been closed on the driver";
      }
      notifyAll();
    }
    boolean interrupted = false;
    try {
      thread.join(30_000);
      readers.shutdownNow();
      if (!readers.awaitTermination(30, TimeUnit.SECONDS)) {
        LOG.warn(
            "Threads are still reading model {}; they end with their chunks", listing.source());
      }
    } catch (InterruptedException e) {
      interrupted = true;
    }
    // Whether or not they have ended: neither threads nor streams may be left.
    readers.shutdownNow();
    reader.close();
    List<Sent> gone;
    synchronized (this) {
      // The thread has ended, and a reader may have sent its chunk after that.
      gone = window.retire(true);
      closed = true;
    }
    release(gone);
    releaser.shutdown();
    try {
      if (!interrupted && !releaser.awaitTermination(30, TimeUnit.SECONDS)) {
        LOG.warn("Nodes are still fetching the last chunks");
      }
    } catch (InterruptedException e) {
      interrupted = true;
    }
    thread.interrupt();
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** For messages in tests and logs. */
  @Override
  public String toString() {
    return "distribution of " + listing.source() + " in " + plan.size() + " chunks";
  }
}
