package io.glmimage.spark.weights;

import io.glmimage.error.CheckpointException;
import io.glmimage.error.WeightsException;
import io.glmimage.io.DaemonThreads;
import io.glmimage.io.FileSource;
import io.glmimage.weights.CachedWeights;
import io.glmimage.weights.CheckpointListing;
import io.glmimage.weights.ChunkPlan;
import io.glmimage.weights.ChunkReader;
import io.glmimage.weights.PartialWeights;
import io.glmimage.weights.WeightsCache;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionService;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntUnaryOperator;
import org.apache.spark.SparkEnv;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The checkpoints that this process uses from its node's disk. A dedicated thread finds or receives
 * each checkpoint once, while all tasks that need the checkpoint wait. A checkpoint in the weights
 * cache is locked until its release or the end of the process.
 */
public final class LocalCheckpoints {
  private static final Logger LOG = LoggerFactory.getLogger(LocalCheckpoints.class);

  /** Chunks that are read at the same time. */
  private static final int READERS = 8;

  private static final ConcurrentHashMap<String, CompletableFuture<Found>> BY_KEY =
      new ConcurrentHashMap<>();

  /**
   * @param held the lock on the folder; null outside the cache
   */
  record Found(Path folder, CachedWeights held) {}

  /** Finds a checkpoint on this node, or brings the checkpoint to this node. */
  @FunctionalInterface
  interface Finder {
    Found find() throws InterruptedException;
  }

  private LocalCheckpoints() {}

  /**
   * The folder of a checkpoint in the node's cache. If the cache does not have the checkpoint, this
   * process reads it from its source. The folder is locked until the process ends.
   *
   * @throws WeightsException if the source cannot be read or the cache cannot be written
   */
  public static Path cached(CheckpointListing listing, FileSource source, WeightsOptions options)
      throws InterruptedException {
    return folder(
        "cached " + listing.version(),
        listing.source(),
        () -> {
          CachedWeights held = read(listing, source, options);
          return new Found(held.folder(), held);
        });
  }

  /** Reads a checkpoint from its source into the node's cache, unless the checkpoint is there. */
  static CachedWeights read(CheckpointListing listing, FileSource source, WeightsOptions options)
      throws InterruptedException {
    ChunkPlan plan = new ChunkPlan(listing, options.chunkBytes());
    return cache(options)
        .obtain(listing, options.check(), partial -> readChunks(source, plan, partial));
  }

  static WeightsCache cache(WeightsOptions options) {
    return WeightsCache.open(WeightsCacheFolder.of(options.cacheDir()), options.cacheBytes());
  }

  /**
   * The folder of a checkpoint. The first caller starts {@code finder}. A failure is reported to
   * all waiting callers, and the next caller starts again.
   *
   * @param model the model's name, for messages
   */
  static Path folder(String key, String model, Finder finder) throws InterruptedException {
    CompletableFuture<Found> mine = new CompletableFuture<>();
    CompletableFuture<Found> present = BY_KEY.putIfAbsent(key, mine);
    if (present == null) {
      present = mine;
      // A task's thread is not suitable: Spark would keep the broadcast blocks that it reads. A
      // killed task would also stop the transfer for which other tasks wait.
      DaemonThreads.named("weights-receive").newThread(() -> find(key, finder, mine)).start();
    }
    try {
      return present.get().folder();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof CheckpointException c) {
        throw new CheckpointException(c.getMessage(), c);
      }
      if (e.getCause() instanceof WeightsException w) {
        throw new WeightsException(w.getMessage(), w);
      }
      throw new WeightsException(
          "Cannot bring model " + model + " to " + host() + ": " + e.getCause(), e.getCause());
    }
  }

  private static void find(String key, Finder finder, CompletableFuture<Found> result) {
    try {
      result.complete(finder.find());
    } catch (Throwable e) {
      // A later task tries again.
      BY_KEY.remove(key, result);
      result.completeExceptionally(e);
    }
  }

  /** Unlocks a checkpoint, so that the cache may evict it. */
  static void release(String key) {
    CompletableFuture<Found> present = BY_KEY.remove(key);
    if (present != null && present.isDone() && !present.isCompletedExceptionally()) {
      CachedWeights held = present.join().held();
      if (held != null) {
        held.close();
      }
    }
  }

  private static void readChunks(FileSource source, ChunkPlan plan, PartialWeights partial)
      throws InterruptedException {
    BitSet have = partial.have(plan);
    AtomicInteger next = new AtomicInteger(-1);
    ExecutorService pool =
        Executors.newFixedThreadPool(READERS, DaemonThreads.named("weights-read"));
    try (ChunkReader reader = new ChunkReader(source, plan)) {
      CompletionService<Void> workers = new ExecutorCompletionService<>(pool);
      for (int i = 0; i < READERS; i++) {
        workers.submit(
            () -> {
              IntUnaryOperator following = last -> have.nextClearBit(last + 1);
              for (int chunk = next.updateAndGet(following);
                  chunk < plan.size();
                  chunk = next.updateAndGet(following)) {
                copy(reader, source, plan, chunk, partial);
              }
              return null;
            });
      }
      try {
        for (int i = 0; i < READERS; i++) {
          workers.take().get();
        }
      } finally {
        pool.shutdownNow();
        // The next process must find no write in progress.
        if (!pool.awaitTermination(10, TimeUnit.MINUTES)) {
          LOG.warn("A write to the weights cache does not finish");
        }
      }
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException failure) {
        throw failure;
      }
      throw new WeightsException("Cannot read model " + source.name() + ": " + e.getCause(), e);
    }
  }

  private static void copy(
      ChunkReader reader, FileSource source, ChunkPlan plan, int chunk, PartialWeights partial) {
    ChunkReader.Data data = reader.read(chunk);
    if (!partial.write(plan, chunk, data.bytes(), data.joinedDigests())) {
      throw new WeightsException(
          "Cannot cache model "
              + source.name()
              + ": bytes changed in memory between reading and writing; check this machine's"
              + " memory");
    }
  }

  /** The name of this host, for messages. */
  static String host() {
    SparkEnv env = SparkEnv.get();
    if (env != null && env.blockManager() != null && env.blockManager().blockManagerId() != null) {
      return env.blockManager().blockManagerId().host();
    }
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException e) {
      return "this host";
    }
  }
}
