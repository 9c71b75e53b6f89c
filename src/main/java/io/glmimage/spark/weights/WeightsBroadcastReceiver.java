package io.glmimage.spark.weights;

import io.glmimage.bench.ProcessMemory;
import io.glmimage.error.WeightsException;
import io.glmimage.io.DaemonThreads;
import io.glmimage.weights.ChunkPlan;
import io.glmimage.weights.PartialWeights;
import io.glmimage.weights.WeightsCache;
import java.io.IOException;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletionService;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A node's side of the distribution, which asks for chunks and writes them. A few threads fetch,
 * check and write one chunk each. While several nodes receive, a node offers the chunks that it has
 * written to the others, for as long as the driver keeps them in flight.
 *
 * <p>The receiver runs outside Spark's task threads: blocks that a task reads are released at the
 * end of the task.
 */
final class WeightsBroadcastReceiver implements WeightsCache.Feed {
  private static final Logger LOG = LoggerFactory.getLogger(WeightsBroadcastReceiver.class);
  private static final int LOST_LIMIT = 10;
  private static final long POLL_MILLIS_MIN = 2;
  private static final long POLL_MILLIS_MAX = 64;
  private static final long ALIVE_MILLIS = 5_000;
  private static final int FETCHERS = 8;

  /** Reads a block of another process, as {@link ChunkBlocks#fetch}. */
  @FunctionalInterface
  interface Fetch {
    void fetch(ChunkPeer from, long block, byte[] into) throws IOException, InterruptedException;
  }

  /** Offers a block to other processes, as {@link ChunkBlocks#put}. */
  @FunctionalInterface
  interface Put {
    void put(long block, byte[] bytes) throws IOException;
  }

  private final String endpoint;
  private final String node;
  private final ChunkPlan plan;
  private final Fetch fetch;
  private final Put put;

  // The fields below are guarded by this.
  private BitSet have = new BitSet();
  private final BitSet busy = new BitSet();

  /** The blocks that other nodes can fetch from this one, by chunk. */
  private final Map<Integer, Long> offered = new HashMap<>();

  private int lost;
  private boolean warned;

  WeightsBroadcastReceiver(String endpoint, String node, ChunkPlan plan) {
    this(endpoint, node, plan, ChunkBlocks::fetch, ChunkBlocks::put);
  }

  WeightsBroadcastReceiver(String endpoint, String node, ChunkPlan plan, Fetch fetch, Put put) {
    this.endpoint = endpoint;
    this.node = node;
    this.plan = plan;
    this.fetch = fetch;
    this.put = put;
  }

  @Override
  public void fill(PartialWeights partial) throws InterruptedException {
    // A chunk can take long on a slow network. The driver must not treat the node as dead.
    ScheduledExecutorService heart =
        Executors.newSingleThreadScheduledExecutor(DaemonThreads.named("weights-alive"));
    boolean finished = false;
    String why = "interrupted";
    try {
      Future<?> beat =
          heart.scheduleWithFixedDelay(
              this::sendAlive, ALIVE_MILLIS, ALIVE_MILLIS, TimeUnit.MILLISECONDS);
      start(partial.have(plan));
      do {
        receive(partial);
      } while (!confirmed(partial));
      beat.cancel(false);
      finished = true;
    } catch (RuntimeException e) {
      why = e.toString();
      throw e;
    } finally {
      heart.shutdownNow();
      if (!finished) {
        leave(why);
      }
      keepOffers(new BitSet());
    }
  }

  private synchronized void start(BitSet written) {
    have = written;
    if (!have.isEmpty()) {
      LOG.info(
          "Continuing with {} of {} chunks from an earlier transfer",
          have.cardinality(),
          plan.size());
    }
  }

  /** Runs the fetching threads until all chunks are written, or one of the threads fails. */
  private void receive(PartialWeights partial) throws InterruptedException {
    int threads = fetchers();
    ExecutorService pool =
        Executors.newFixedThreadPool(threads, DaemonThreads.named("weights-fetch"));
    try {
      CompletionService<Void> workers = new ExecutorCompletionService<>(pool);
      for (int i = 0; i < threads; i++) {
        workers.submit(
            () -> {
              fetchChunks(partial);
              return null;
            });
      }
      for (int i = 0; i < threads; i++) {
        workers.take().get();
      }
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException failure) {
        throw failure;
      }
      throw new WeightsException(
          "Cannot receive the model's weights: " + e.getCause(), e.getCause());
    } finally {
      pool.shutdownNow();
      // The next receiver must find no write in progress.
      if (!pool.awaitTermination(10, TimeUnit.MINUTES)) {
        LOG.warn("A write to the weights cache does not finish");
      }
    }
  }

  /** Fetching threads whose chunks take a sixteenth of the heap, at least two. */
  private int fetchers() {
    long fit = Runtime.getRuntime().maxMemory() / 16 / Math.max(1, plan.largest());
    return (int) Math.max(2, Math.min(FETCHERS, fit));
  }

  private void fetchChunks(PartialWeights partial) throws InterruptedException {
    byte[] bytes = new byte[0];
    boolean driverOnly = false;
    long pause = POLL_MILLIS_MIN;
    while (someMissing()) {
      WeightsReply reply = ask(driverOnly);
      if (reply instanceof WeightsReply.Failed failed) {
        throw new WeightsException(failed.why());
      }
      if (!(reply instanceof WeightsReply.Chunk chunk)) {
        Thread.sleep(pause);
        pause = Math.min(POLL_MILLIS_MAX, 2 * pause);
        continue;
      }
      pause = POLL_MILLIS_MIN;
      int length = plan.length(chunk.index());
      if (bytes.length != length) {
        bytes = new byte[length];
      }
      String problem = fetch(partial, chunk, bytes);
      boolean kept = problem == null && chunk.offer() && offer(chunk, bytes);
      settle(chunk.index(), problem == null);
      if (problem != null) {
        countLost(problem);
      }
      driverOnly = problem != null;
      if (kept) {
        // The array now belongs to the offered block.
        bytes = new byte[0];
      }
    }
  }

  /** Returns what went wrong; null if the chunk is written. */
  private String fetch(PartialWeights partial, WeightsReply.Chunk chunk, byte[] bytes)
      throws InterruptedException {
    try {
      fetch.fetch(chunk.holder(), chunk.block(), bytes);
    } catch (IOException | RuntimeException e) {
      return "chunk " + chunk.index() + " was lost: " + e;
    }
    return partial.write(plan, chunk.index(), bytes, chunk.digests())
        ? null
        : "chunk " + chunk.index() + " arrived with bytes that differ from those sent";
  }

  private boolean offer(WeightsReply.Chunk chunk, byte[] bytes) {
    try {
      put.put(chunk.block(), bytes);
    } catch (IOException | RuntimeException e) {
      warn(chunk.index(), e);
      return false;
    }
    synchronized (this) {
      offered.put(chunk.index(), chunk.block());
    }
    return true;
  }

  /** Once: the other nodes fetch the chunks elsewhere, and the next chunk fails in the same way. */
  private synchronized void warn(int chunk, Exception failure) {
    if (!warned) {
      warned = true;
      LOG.warn(
          "Cannot offer chunk {} to other nodes, which fetch it elsewhere; later failures of this"
              + " kind are not logged",
          chunk,
          failure);
    }
  }

  private synchronized boolean someMissing() {
    BitSet known = (BitSet) have.clone();
    known.or(busy);
    return known.cardinality() < plan.size();
  }

  /** Asks for a chunk, one thread at a time: the driver must know what the others are fetching. */
  private synchronized WeightsReply ask(boolean driverOnly) throws InterruptedException {
    BitSet offers = new BitSet();
    offered.keySet().forEach(offers::set);
    WeightsReply reply =
        WeightsBroadcastChannel.ask(
            endpoint,
            new WeightsQuestion.Next(node, ChunkBlocks.self(), have, busy, offers, driverOnly));
    if (reply instanceof WeightsReply.Chunk chunk) {
      busy.set(chunk.index());
      keepOffers(chunk.inFlight());
    } else if (reply instanceof WeightsReply.Wait wait) {
      keepOffers(wait.inFlight());
    }
    return reply;
  }

  /** Takes back the offers of other chunks. */
  private synchronized void keepOffers(BitSet inFlight) {
    offered
        .entrySet()
        .removeIf(
            offer -> {
              boolean gone = !inFlight.get(offer.getKey());
              if (gone) {
                ChunkBlocks.remove(offer.getValue());
              }
              return gone;
            });
  }

  private synchronized void settle(int chunk, boolean written) {
    busy.clear(chunk);
    if (written) {
      have.set(chunk);
      lost = 0;
    }
  }

  private void countLost(String what) throws InterruptedException {
    synchronized (this) {
      if (++lost >= LOST_LIMIT) {
        throw new WeightsException(
            "Cannot receive the model's weights: " + what + " (" + LOST_LIMIT + " such failures)");
      }
    }
    LOG.warn("{}; requesting it again", what);
    Thread.sleep(200);
  }

  private boolean confirmed(PartialWeights partial) throws InterruptedException {
    WeightsReply reply =
        WeightsBroadcastChannel.ask(
            endpoint,
            new WeightsQuestion.Finish(
                node,
                partial.digests(),
                ProcessMemory.peakHeapBytes(),
                ProcessMemory.peakResidentBytes()));
    if (!(reply instanceof WeightsReply.Wrong wrong)) {
      return true;
    }
    LOG.warn(
        "{} blocks of an earlier transfer differ from the source; requesting them again",
        wrong.blocks().cardinality());
    partial.discard(wrong.blocks());
    start(partial.have(plan));
    return false;
  }

  private void sendAlive() {
    try {
      WeightsBroadcastChannel.ask(endpoint, new WeightsQuestion.Alive(node));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (RuntimeException e) {
      // The next request for a chunk reports the failure.
      LOG.debug("The driver does not answer", e);
    }
  }

  private void leave(String why) throws InterruptedException {
    try {
      WeightsBroadcastChannel.ask(endpoint, new WeightsQuestion.Leave(node, why));
    } catch (WeightsException e) {
      // The failure that ended the transfer is reported; this failure adds nothing.
      LOG.debug("Cannot tell the driver that this node stopped receiving", e);
    }
  }
}
