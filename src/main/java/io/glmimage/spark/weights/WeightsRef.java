package io.glmimage.spark.weights;

import io.glmimage.error.CheckpointException;
import io.glmimage.error.WeightsException;
import io.glmimage.io.CheckpointSource;
import io.glmimage.io.FileSource;
import io.glmimage.io.LocalFileSource;
import io.glmimage.weights.CachedWeights;
import io.glmimage.weights.CheckpointListing;
import io.glmimage.weights.ChunkPlan;
import io.glmimage.weights.ChunkReader;
import io.glmimage.weights.PartialWeights;
import io.glmimage.weights.WeightsCache;
import java.io.IOException;
import java.io.Serializable;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import org.apache.spark.SparkEnv;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.util.SerializableConfiguration;

/**
 * What a task needs to find the model on its node. Small; capture it in the task's function and
 * call {@link #localFolder} there.
 */
public final class WeightsRef implements Serializable {
  private static final long serialVersionUID = 1L;

  /** What this process has, or is just getting, by {@link #id}. */
  private static final ConcurrentHashMap<String, CompletableFuture<Node>> HERE =
      new ConcurrentHashMap<>();

  /** What {@link #cached} holds, by the model's fingerprint. */
  private static final Map<String, CachedWeights> READ_HERE = new HashMap<>();

  /** The folder, and the lock on it where it is in the cache. */
  private record Node(Path folder, CachedWeights held) {}

  enum Way {
    IN_PLACE,
    LOCAL,
    DIRECT,
    BROADCAST
  }

  private final String id;
  private final Way way;
  private final String location;
  private final CheckpointListing manifest;
  private final WeightsOptions options;
  private final Broadcast<SerializableConfiguration> hadoop;

  /**
   * @param location the model's location, or the path for {@link Way#IN_PLACE} and {@link
   *     Way#LOCAL}
   * @param hadoop for {@link Way#DIRECT}, else null
   */
  WeightsRef(
      String id,
      Way way,
      String location,
      CheckpointListing manifest,
      WeightsOptions options,
      Broadcast<SerializableConfiguration> hadoop) {
    this.id = id;
    this.way = way;
    this.location = location;
    this.manifest = manifest;
    this.options = options;
    this.hadoop = hadoop;
  }

  /** The version of the model, as {@link CheckpointListing#version}. */
  public String version() {
    return manifest.version();
  }

  /** Whether the executors use the model's own folder. */
  public boolean isInPlace() {
    return way == Way.IN_PLACE;
  }

  /** Names the model wherever it lies, as {@link CheckpointListing#identity}. */
  public String identity() {
    return manifest.identity();
  }

  /**
   * The complete model's folder on this node. The first call in a process may take as long as the
   * model's way to the node; others wait with it. The folder stays until the process ends.
   *
   * @throws WeightsException if the model cannot be brought here
   * @throws CheckpointException if what is here is not the model
   */
  public Path localFolder() throws InterruptedException {
    CompletableFuture<Node> mine = new CompletableFuture<>();
    CompletableFuture<Node> present = HERE.putIfAbsent(id, mine);
    if (present == null) {
      present = mine;
      // Not in the task's thread: it would hold the blocks of broadcasts that it reads, and a
      // killed task would stop what others wait for.
      Thread thread = new Thread(() -> bring(mine), "weights-receive");
      thread.setDaemon(true);
      thread.start();
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
          "Cannot bring model " + manifest.source() + " to " + host() + ": " + e.getCause(),
          e.getCause());
    }
  }

  private void bring(CompletableFuture<Node> mine) {
    try {
      mine.complete(find());
    } catch (Throwable e) {
      // A later task tries again.
      HERE.remove(id, mine);
      mine.completeExceptionally(e);
    }
  }

  /**
   * The folder of a model in this node's cache, read from its source by this process where it is
   * not there yet; held until the process ends.
   */
  public static synchronized Path cached(
      CheckpointListing manifest, FileSource source, WeightsOptions options)
      throws InterruptedException {
    CachedWeights held = READ_HERE.get(manifest.version());
    if (held == null) {
      ChunkPlan plan = new ChunkPlan(manifest, options.chunkBytes());
      held =
          WeightsCache.open(WeightsCacheFolder.of(options.cacheDir()), options.cacheBytes())
              .obtain(manifest, options.check(), partial -> readDirectly(source, plan, partial));
      READ_HERE.put(manifest.version(), held);
    }
    return held.folder();
  }

  /** The same model, found in the same way. */
  @Override
  public boolean equals(Object other) {
    return other instanceof WeightsRef that
        && way == that.way
        && location.equals(that.location)
        && options.cacheDir().equals(that.options.cacheDir())
        && manifest.version().equals(that.manifest.version());
  }

  @Override
  public int hashCode() {
    return manifest.version().hashCode();
  }

  /** Lets go of this process' copy, so that the cache may evict it. */
  void release() {
    CompletableFuture<Node> present = HERE.remove(id);
    if (present != null && present.isDone() && !present.isCompletedExceptionally()) {
      CachedWeights held = present.join().held();
      if (held != null) {
        held.close();
      }
    }
  }

  private Node find() throws InterruptedException {
    return switch (way) {
      case IN_PLACE -> new Node(Path.of(location), null);
      case LOCAL -> {
        requireSame(Path.of(location), manifest);
        yield new Node(Path.of(location), null);
      }
      case DIRECT, BROADCAST -> {
        CachedWeights held = obtain();
        yield new Node(held.folder(), held);
      }
    };
  }

  private CachedWeights obtain() throws InterruptedException {
    WeightsCache cache =
        WeightsCache.open(WeightsCacheFolder.of(options.cacheDir()), options.cacheBytes());
    ChunkPlan plan = new ChunkPlan(manifest, options.chunkBytes());
    if (way == Way.DIRECT) {
      return cache.obtain(
          manifest, options.check(), partial -> readDirectly(openSource(), plan, partial));
    }
    String node = host() + ":" + cache.root();
    CachedWeights held =
        cache.obtain(manifest, options.check(), new WeightsBroadcastReceiver(id, node, plan));
    if (held.reused()) {
      try {
        WeightsBroadcastChannel.ask(id, "reused", node);
      } catch (WeightsException e) {
        // Statistics only: the model is here.
        org.slf4j.LoggerFactory.getLogger(WeightsRef.class)
            .info("The driver could not be told that {} has the model: {}", node, e.getMessage());
      }
    }
    return held;
  }

  private FileSource openSource() {
    try {
      return CheckpointSource.open(location, hadoop.value().value());
    } catch (IOException e) {
      throw new WeightsException(
          "Cannot read model "
              + manifest.source()
              + " on "
              + host()
              + ": "
              + e
              + "; with \"direct\" every executor reads it itself: choose \"broadcast\" where only"
              + " the driver can",
          e);
    }
  }

  private static void readDirectly(FileSource source, ChunkPlan plan, PartialWeights partial) {
    try (ChunkReader reader = new ChunkReader(source, plan)) {
      BitSet have = partial.have(plan);
      for (int i = have.nextClearBit(0); i < plan.size(); i = have.nextClearBit(i + 1)) {
        ChunkReader.Data data = reader.read(i);
        if (!partial.write(plan, i, data.bytes(), data.joinedDigests())) {
          throw new WeightsException(
              "Cannot cache model "
                  + source.name()
                  + ": bytes changed in memory between reading and writing; check this machine's"
                  + " memory");
        }
      }
    }
  }

  /** Compares a folder with the model by all but the weights' values. */
  static void requireSame(Path folder, CheckpointListing manifest) {
    String what = "Cannot use " + folder + " on " + host() + " as model " + manifest.source();
    if (!Files.isDirectory(folder)) {
      throw new WeightsException(
          what + ": there is no such folder; copy it there or choose \"broadcast\"");
    }
    CheckpointListing found;
    try {
      found = CheckpointListing.read(new LocalFileSource(folder));
    } catch (IOException e) {
      throw new WeightsException(what + ": " + e, e);
    }
    if (!found.identity().equals(manifest.identity())) {
      throw new WeightsException(what + ": " + CheckpointListing.difference(manifest, found));
    }
  }

  private static String host() {
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
