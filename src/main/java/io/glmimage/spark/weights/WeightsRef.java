package io.glmimage.spark.weights;

import io.glmimage.error.CheckpointException;
import io.glmimage.error.WeightsException;
import io.glmimage.io.CheckpointSource;
import io.glmimage.io.FileSource;
import io.glmimage.io.LocalFileSource;
import io.glmimage.io.Storage;
import io.glmimage.weights.CachedWeights;
import io.glmimage.weights.CheckpointListing;
import io.glmimage.weights.ChunkPlan;
import io.glmimage.weights.ModelFingerprint;
import io.glmimage.weights.WeightsCache;
import java.io.IOException;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.util.SerializableConfiguration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds the model on a task's node. The reference is small: capture it in the task's function and
 * call {@link #localFolder} there.
 */
public final class WeightsRef implements Serializable {
  private static final long serialVersionUID = 1L;
  private static final Logger LOG = LoggerFactory.getLogger(WeightsRef.class);

  enum Way {
    /** The executors use the model's own folder. */
    IN_PLACE,
    /** Every node has a copy at the same path. */
    LOCAL,
    /** Every node reads the model itself. */
    DIRECT,
    BROADCAST
  }

  private final String id;
  private final Way way;
  private final String location;
  private final CheckpointListing listing;
  private final WeightsOptions options;
  private final Broadcast<SerializableConfiguration> hadoop;
  private final String fingerprint;

  /**
   * @param location the model's location, or the path for {@link Way#IN_PLACE} and {@link
   *     Way#LOCAL}
   * @param hadoop for {@link Way#DIRECT}, else null
   * @param fingerprint for {@link Way#LOCAL}, as {@link ModelFingerprint} computes it, else null
   */
  WeightsRef(
      String id,
      Way way,
      String location,
      CheckpointListing listing,
      WeightsOptions options,
      Broadcast<SerializableConfiguration> hadoop,
      String fingerprint) {
    this.id = id;
    this.way = way;
    this.location = location;
    this.listing = listing;
    this.options = options;
    this.hadoop = hadoop;
    this.fingerprint = fingerprint;
  }

  /** The version of the model, as {@link CheckpointListing#version}. */
  public String version() {
    return listing.version();
  }

  /** Whether the executors use the model's own folder. */
  public boolean isInPlace() {
    return way == Way.IN_PLACE;
  }

  /**
   * The folder with the complete model on this node. The first call in a process may take as long
   * as the transfer of the model; other calls wait for the same transfer. The folder stays until
   * the process ends.
   *
   * @throws WeightsException if the model cannot be brought to this node, or this node's folder
   *     holds another model
   * @throws CheckpointException if the folder on this node is not a checkpoint
   */
  public Path localFolder() throws InterruptedException {
    return LocalCheckpoints.folder(id, listing.source(), this::find);
  }

  /** Equal references find the same model in the same way. */
  @Override
  public boolean equals(Object other) {
    return other instanceof WeightsRef that
        && way == that.way
        && location.equals(that.location)
        && options.cacheDir().equals(that.options.cacheDir())
        && version().equals(that.version());
  }

  @Override
  public int hashCode() {
    return version().hashCode();
  }

  /** Releases this process's copy, so that the cache may evict it. */
  void release() {
    LocalCheckpoints.release(id);
  }

  private LocalCheckpoints.Found find() throws InterruptedException {
    return switch (way) {
      case IN_PLACE -> new LocalCheckpoints.Found(Path.of(location), null);
      case LOCAL -> {
        requireSame(Path.of(location));
        yield new LocalCheckpoints.Found(Path.of(location), null);
      }
      case DIRECT -> inCache(LocalCheckpoints.read(listing, openSource(), options));
      case BROADCAST -> inCache(receive());
    };
  }

  private static LocalCheckpoints.Found inCache(CachedWeights held) {
    return new LocalCheckpoints.Found(held.folder(), held);
  }

  private CachedWeights receive() throws InterruptedException {
    WeightsCache cache = LocalCheckpoints.cache(options);
    ChunkPlan plan = new ChunkPlan(listing, options.chunkBytes());
    String node = LocalCheckpoints.host() + ":" + cache.root();
    CachedWeights held =
        cache.obtain(listing, options.check(), new WeightsBroadcastReceiver(id, node, plan));
    if (held.reused()) {
      try {
        WeightsBroadcastChannel.ask(id, new WeightsQuestion.Reused(node));
      } catch (WeightsException e) {
        // The node has the model; only the driver's statistics are incomplete.
        LOG.info("Cannot tell the driver that {} has the model: {}", node, e.getMessage());
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
              + listing.source()
              + " on "
              + LocalCheckpoints.host()
              + ": "
              + e
              + "; with \"direct\" every executor reads the model itself: choose \"broadcast\" if"
              + " only the driver can",
          e);
    }
  }

  /** Requires that a folder holds the same model. */
  private void requireSame(Path folder) {
    String what =
        "Cannot use " + folder + " on " + LocalCheckpoints.host() + " as model " + listing.source();
    if (!Files.isDirectory(folder)) {
      throw new WeightsException(
          what + ": there is no such folder; copy it there or choose \"broadcast\"");
    }
    try {
      CheckpointListing found = CheckpointListing.read(new LocalFileSource(folder));
      Storage local = new Storage(new Configuration());
      if (!ModelFingerprint.of(folder.toUri().toString(), local).equals(fingerprint)) {
        throw new WeightsException(what + ": " + CheckpointListing.difference(listing, found));
      }
    } catch (IOException e) {
      throw new WeightsException(what + ": " + e, e);
    }
  }
}
