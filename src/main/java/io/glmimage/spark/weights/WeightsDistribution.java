package io.glmimage.spark.weights;

import io.glmimage.error.CheckpointException;
import io.glmimage.error.WeightsException;
import io.glmimage.io.CheckpointSource;
import io.glmimage.io.FileSource;
import io.glmimage.io.Storage;
import io.glmimage.weights.CheckpointListing;
import io.glmimage.weights.ModelFingerprint;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Consumer;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.util.SerializableConfiguration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings a checkpoint folder from any Hadoop location to every node of a Spark session.
 *
 * <pre>{@code
 * try (WeightsHandle weights =
 *     WeightsDistribution.start(spark, "s3a://models/GLM-Image", WeightsMode.parse("broadcast"),
 *         WeightsOptions.defaults(), status -> {})) {
 *   WeightsRef ref = weights.ref();
 *   rows.mapPartitions(part -> edit(CheckpointFolder.open(ref.localFolder()), part))...
 * }
 * }</pre>
 *
 * <p>Nodes pull the model: the first task on a node receives it, even if the executor joined late.
 * With {@code local[*]}, the executors are threads of the driver. A local folder is then used in
 * place, and any other folder is read into the cache without a broadcast.
 */
public final class WeightsDistribution {
  private static final Logger LOG = LoggerFactory.getLogger(WeightsDistribution.class);

  private WeightsDistribution() {}

  /**
   * Lists the model's files and starts to answer executors. This method sends no weights yet.
   *
   * @param model the folder: a URI that Hadoop supports or a local path
   * @param progress called by a background thread after a chunk was sent or the number of receiving
   *     or complete nodes has changed; not called if the model is not broadcast
   * @throws CheckpointException if the folder is not a checkpoint
   * @throws WeightsException if the folder cannot be read
   */
  public static WeightsHandle start(
      JavaSparkContext spark,
      String model,
      WeightsMode mode,
      WeightsOptions options,
      Consumer<WeightsStatus> progress) {
    return start(spark, model, look(spark, model), mode, options, progress);
  }

  /**
   * The current state of a model folder.
   *
   * @param source reads the folder
   */
  public record Found(FileSource source, CheckpointListing listing) {}

  /**
   * Lists the model's files.
   *
   * @throws CheckpointException if the folder is not a checkpoint
   * @throws WeightsException if the folder cannot be read
   */
  public static Found look(JavaSparkContext spark, String model) {
    try {
      FileSource source = CheckpointSource.open(model, spark.hadoopConfiguration());
      return new Found(source, CheckpointListing.read(source));
    } catch (IOException e) {
      throw new WeightsException("Cannot read model " + model + ": " + e, e);
    }
  }

  /**
   * As {@link #look}, for the folder of a LoRA adapter.
   *
   * @throws CheckpointException if the folder holds no adapter
   * @throws WeightsException if the folder cannot be read
   */
  public static Found lookAdapter(JavaSparkContext spark, String folder) {
    try {
      FileSource source = CheckpointSource.open(folder, spark.hadoopConfiguration());
      return new Found(source, CheckpointListing.readAdapter(source));
    } catch (IOException e) {
      throw new WeightsException("Cannot read adapter " + folder + ": " + e, e);
    }
  }

  /** As {@link #start(JavaSparkContext, String, WeightsMode, WeightsOptions, Consumer)}. */
  public static WeightsHandle start(
      JavaSparkContext spark,
      String model,
      Found found,
      WeightsMode mode,
      WeightsOptions options,
      Consumer<WeightsStatus> progress) {
    return start(
        spark, model, found, mode, options, WeightsBroadcastServer.SILENCE_DEFAULT, progress);
  }

  /**
   * As {@link #start(JavaSparkContext, String, WeightsMode, WeightsOptions, Consumer)}.
   *
   * @param silence a node that has been silent for this long is treated as dead
   */
  static WeightsHandle start(
      JavaSparkContext spark,
      String model,
      Found found,
      WeightsMode mode,
      WeightsOptions options,
      Duration silence,
      Consumer<WeightsStatus> progress) {
    CheckpointListing listing = found.listing();
    String id = "glm-image-weights-" + UUID.randomUUID();
    if (mode.mode() == WeightsMode.Mode.LOCAL) {
      LOG.info("Model {}: every executor uses its own {}", listing.source(), mode.path());
      return notSent(
          spark,
          new WeightsRef(
              id,
              WeightsRef.Way.LOCAL,
              mode.path(),
              listing,
              options,
              null,
              fingerprint(model, spark.hadoopConfiguration())),
          listing);
    }
    Configuration configuration = spark.hadoopConfiguration();
    Optional<Path> local = CheckpointSource.localPath(model, configuration);
    if (spark.isLocal() && local.isPresent()) {
      LOG.info("Model {}: used in place", listing.source());
      String path = local.get().toString();
      return notSent(
          spark,
          new WeightsRef(id, WeightsRef.Way.IN_PLACE, path, listing, options, null, null),
          listing);
    }
    long mebibytes = listing.totalBytes() >> 20;
    if (spark.isLocal() || mode.mode() == WeightsMode.Mode.DIRECT) {
      LOG.info("Model {}: every node reads {} MiB itself", listing.source(), mebibytes);
      Broadcast<SerializableConfiguration> hadoop =
          spark.broadcast(new SerializableConfiguration(configuration));
      return new WeightsHandle(
          spark,
          new WeightsRef(id, WeightsRef.Way.DIRECT, model, listing, options, hadoop, null),
          () -> WeightsStatus.notSent(listing.totalBytes()),
          () -> hadoop.unpersist(false));
    }
    LOG.info("Model {}: {} MiB by broadcast", listing.source(), mebibytes);
    WeightsBroadcastServer server =
        new WeightsBroadcastServer(found.source(), listing, options, silence, progress);
    WeightsBroadcastChannel.Listener listener = listen(id, server);
    server.start();
    return new WeightsHandle(
        spark,
        new WeightsRef(id, WeightsRef.Way.BROADCAST, model, listing, options, null, null),
        server::status,
        () -> {
          server.close();
          listener.close();
        });
  }

  /**
   * Closes the server if the session takes no listener, for example because it has been stopped.
   */
  private static WeightsBroadcastChannel.Listener listen(String id, WeightsBroadcastServer server) {
    WeightsBroadcastChannel.Listener listener = null;
    try {
      listener = WeightsBroadcastChannel.listen(id, server::answer);
      return listener;
    } finally {
      if (listener == null) {
        server.close();
      }
    }
  }

  private static String fingerprint(String model, Configuration configuration) {
    try {
      return ModelFingerprint.of(model, new Storage(configuration));
    } catch (IOException e) {
      throw new WeightsException("Cannot read model " + model + ": " + e, e);
    }
  }

  private static WeightsHandle notSent(
      JavaSparkContext spark, WeightsRef ref, CheckpointListing listing) {
    return new WeightsHandle(
        spark, ref, () -> WeightsStatus.notSent(listing.totalBytes()), () -> {});
  }
}
