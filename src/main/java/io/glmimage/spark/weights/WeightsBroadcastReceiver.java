package io.glmimage.spark.weights;

import io.glmimage.bench.ProcessMemory;
import io.glmimage.error.WeightsException;
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
 * A node's side of the distribution: asks for chunks and writes them, one being fetched while the
 * one before is checked and written.
 *
 * <p>It must run outside of Spark's task threads: a task that reads a broadcast keeps its blocks
 * until the task ends.
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
   * @param fetch brings a broadcast's value here; tests lose some
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
        Executors.newSingleThreadExecutor(
            work -> {
              Thread t = new Thread(work, "weights-write");
              t.setDaemon(true);
              return t;
            });
    // A chunk may take long on a slow network: the driver must not take the silence for death.
    ScheduledExecutorService heart =
        Executors.newSingleThreadScheduledExecutor(
            work -> {
              Thread t = new Thread(work, "weights-alive");
              t.setDaemon(true);
              return t;
            });
    boolean finished = false;
    String why = "interrupted";
    try {
      Future<?> beat =
          heart.scheduleWithFixedDelay(
              this::tellAlive, ALIVE_MILLIS, ALIVE_MILLIS, TimeUnit.MILLISECONDS);
      receive(partial, writer);
      beat.cancel(false);
      finished = true;
    } catch (RuntimeException e) {
      why = e.toString();
      throw e;
    } finally {
      heart.shutdownNow();
      // Whoever takes over must find no write in progress.
      writer.shutdown();
      boolean ended = writer.awaitTermination(10, TimeUnit.MINUTES);
      if (!ended) {
        LOG.warn("A write into the cache of model weights does not end");
      }
      if (!finished) {
        leave(why);
      }
    }
  }

  private void receive(PartialWeights partial, ExecutorService writer) throws InterruptedException {
    BitSet have = partial.have(plan);
    if (!have.isEmpty()) {
      LOG.info("Going on with {} of {} chunks received before", have.cardinality(), plan.size());
    }
    int lost = 0;
    int writing = -1;
    Future<Boolean> write = null;
    while (true) {
      if (have.cardinality() == plan.size()) {
        if (!settle(write)) {
          have.clear(writing);
          lost = countLost(lost, "chunk " + writing + " arrived with other bytes than were sent");
        }
        write = null;
        if (have.cardinality() == plan.size() && confirmed(partial)) {
          return;
        }
        have = partial.have(plan);
        continue;
      }
      Object[] reply = WeightsBroadcastChannel.ask(endpoint, "next", node, have.toByteArray());
      switch ((String) reply[0]) {
        case "wait" -> Thread.sleep(POLL_MILLIS);
        case "failed" -> throw new WeightsException((String) reply[1]);
        case "chunk" -> {
          int index = (int) reply[1];
          byte[] bytes;
          try {
            bytes = fetch.apply((Broadcast<?>) reply[2]);
          } catch (Exception e) {
            // Scala declares no exceptions: IOException and SparkException come through here.
            lost = countLost(lost, "chunk " + index + " was lost on its way: " + e);
            continue;
          }
          if (settle(write)) {
            lost = 0;
          } else {
            have.clear(writing);
            lost = countLost(lost, "chunk " + writing + " arrived with other bytes than were sent");
          }
          byte[] digests = (byte[]) reply[3];
          writing = index;
          write = writer.submit(() -> partial.write(plan, index, bytes, digests));
          have.set(index);
        }
        default -> throw new WeightsException("Cannot receive weights: unknown reply " + reply[0]);
      }
    }
  }

  private int countLost(int lost, String what) throws InterruptedException {
    if (lost + 1 >= LOST_LIMIT) {
      throw new WeightsException(
          "Cannot receive the model's weights: " + what + " (" + LOST_LIMIT + " such failures)");
    }
    LOG.warn("{}; it is asked for again", what);
    Thread.sleep(200);
    return lost + 1;
  }

  /** Whether the write, if there is one, went well. */
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
    Object[] reply =
        WeightsBroadcastChannel.ask(
            endpoint,
            "finish",
            node,
            partial.digests(),
            ProcessMemory.peakHeapBytes(),
            ProcessMemory.peakResidentBytes());
    if (reply[0].equals("ok")) {
      return true;
    }
    BitSet wrong = BitSet.valueOf((byte[]) reply[1]);
    LOG.warn("{} blocks kept from before are not the source's: fetched again", wrong.cardinality());
    partial.discard(wrong);
    return false;
  }

  private void tellAlive() {
    try {
      WeightsBroadcastChannel.ask(endpoint, "alive", node);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (RuntimeException e) {
      // The next question for a chunk reports it.
      LOG.debug("The driver does not answer", e);
    }
  }

  private void leave(String why) throws InterruptedException {
    try {
      WeightsBroadcastChannel.ask(endpoint, "leave", node, why);
    } catch (WeightsException e) {
      // The failure that ends the transfer is reported; this one says nothing new.
      LOG.debug("The driver could not be told", e);
    }
  }
}
