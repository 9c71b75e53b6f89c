package io.glmimage.spark.weights;

import io.glmimage.bench.ProcessMemory;
import io.glmimage.error.WeightsException;
import io.glmimage.io.DaemonThreads;
import io.glmimage.weights.ChunkPlan;
import io.glmimage.weights.PartialWeights;
import io.glmimage.weights.WeightsCache;
import java.util.BitSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.apache.spark.broadcast.Broadcast;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A node's side of the distribution, which asks for chunks and writes them. The next chunk is
 * fetched while the previous one is checked and written.
 *
 * <p>The receiver must run outside Spark's task threads, because a task keeps the blocks of a
 * broadcast until the task ends.
 */
final class WeightsBroadcastReceiver implements WeightsCache.Feed {
  private static final Logger LOG = LoggerFactory.getLogger(WeightsBroadcastReceiver.class);
  private static final int LOST_LIMIT = 10;
  private static final long POLL_MILLIS = 20;
  private static final long ALIVE_MILLIS = 5_000;

  private final String endpoint;
  private final String node;
  private final ChunkPlan plan;
  private final Function<Broadcast<?>, byte[]> fetch;

  WeightsBroadcastReceiver(String endpoint, String node, ChunkPlan plan) {
    this(endpoint, node, plan, broadcast -> (byte[]) broadcast.value());
  }

  /**
   * @param fetch reads the value of a broadcast
   */
  WeightsBroadcastReceiver(
      String endpoint, String node, ChunkPlan plan, Function<Broadcast<?>, byte[]> fetch) {
    this.endpoint = endpoint;
    this.node = node;
    this.plan = plan;
    this.fetch = fetch;
  }

  @Override
  public void fill(PartialWeights partial) throws InterruptedException {
    ExecutorService writer =
        Executors.newSingleThreadExecutor(DaemonThreads.named("weights-write"));
    // A chunk can take long on a slow network. The driver must not treat the node as dead.
    ScheduledExecutorService heart =
        Executors.newSingleThreadScheduledExecutor(DaemonThreads.named("weights-alive"));
    boolean finished = false;
    String why = "interrupted";
    try {
      Future<?> beat =
          heart.scheduleWithFixedDelay(
              this::sendAlive, ALIVE_MILLIS, ALIVE_MILLIS, TimeUnit.MILLISECONDS);
      receive(partial, writer);
      beat.cancel(false);
      finished = true;
    } catch (RuntimeException e) {
      why = e.toString();
      throw e;
    } finally {
      heart.shutdownNow();
      // The next receiver must find no write in progress.
      writer.shutdown();
      boolean ended = writer.awaitTermination(10, TimeUnit.MINUTES);
      if (!ended) {
        LOG.warn("A write to the weights cache does not finish");
      }
      if (!finished) {
        leave(why);
      }
    }
  }

  private void receive(PartialWeights partial, ExecutorService writer) throws InterruptedException {
    BitSet have = partial.have(plan);
    if (!have.isEmpty()) {
      LOG.info(
          "Continuing with {} of {} chunks from an earlier transfer",
          have.cardinality(),
          plan.size());
    }
    int lost = 0;
    int writing = -1;
    Future<Boolean> write = null;
    while (true) {
      if (have.cardinality() == plan.size()) {
        if (!settle(write)) {
          have.clear(writing);
          lost = countLost(lost, damaged(writing));
        }
        write = null;
        if (have.cardinality() == plan.size() && confirmed(partial)) {
          return;
        }
        have = partial.have(plan);
        continue;
      }
      WeightsReply reply =
          WeightsBroadcastChannel.ask(endpoint, new WeightsQuestion.Next(node, have));
      if (reply instanceof WeightsReply.Failed failed) {
        throw new WeightsException(failed.why());
      }
      if (!(reply instanceof WeightsReply.Chunk chunk)) {
        Thread.sleep(POLL_MILLIS);
        continue;
      }
      int index = chunk.index();
      byte[] bytes;
      try {
        bytes = fetch.apply(chunk.bytes());
      } catch (Exception e) {
        // Scala methods do not declare exceptions; IOException and SparkException arrive here too.
        lost = countLost(lost, "chunk " + index + " was lost: " + e);
        continue;
      }
      if (settle(write)) {
        lost = 0;
      } else {
        have.clear(writing);
        lost = countLost(lost, damaged(writing));
      }
      writing = index;
      write = writer.submit(() -> partial.write(plan, index, bytes, chunk.digests()));
      have.set(index);
    }
  }

  private static String damaged(int chunk) {
    return "chunk " + chunk + " arrived with bytes that differ from those sent";
  }

  private int countLost(int lost, String what) throws InterruptedException {
    if (lost + 1 >= LOST_LIMIT) {
      throw new WeightsException(
          "Cannot receive the model's weights: " + what + " (" + LOST_LIMIT + " such failures)");
    }
    LOG.warn("{}; requesting it again", what);
    Thread.sleep(200);
    return lost + 1;
  }

  /** Whether the last write succeeded; true if there was none. */
  private static boolean settle(Future<Boolean> write) throws InterruptedException {
    if (write == null) {
      return true;
    }
    try {
      return write.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException failure) {
        throw failure;
      }
      throw new WeightsException("Cannot write the model's weights: " + e.getCause(), e.getCause());
    }
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
