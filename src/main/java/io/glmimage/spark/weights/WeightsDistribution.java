package io.glmimage.spark.weights;

import io.glmimage.error.CheckpointException;
import io.glmimage.error.WeightsException;
import io.glmimage.io.CheckpointSource;
import io.glmimage.io.FileSource;
import io.glmimage.weights.CheckpointListing;
import java.io.IOException;
import java.nio.file.Path;
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
 * <p>Nodes pull: the first task on a node receives the model there, whenever the executor came.
 * Where the executors are threads of the driver ({@code local[*]}), a local folder is used where it
 * lies, and any other is read into the cache, without a broadcast.
 */
public final class WeightsDistribution {
  private static final Logger LOG = LoggerFactory.getLogger(WeightsDistribution.class);

  private WeightsDistribution() {}

  /**
   * Looks at the model and starts to answer executors; sends nothing yet.
   *
   * @param model the folder: a URI that Hadoop knows or a local path
   * @param progress called on a thread of ours whenever a chunk was sent or a node is complete
   * @throws CheckpointException if the folder is not a checkpoint
   * @throws WeightsException if it cannot be read
   */
  public static WeightsHandle start(
      JavaSparkContext spark,
      String model,
      WeightsMode plan,
      WeightsOptions options,
      Consumer<WeightsStatus> progress) {
    return start(spark, model, look(spark, model), plan, options, progress);
  }

  /**
   * A model folder as it is now.
   *
   * @param source reads it
   */
  public record Found(FileSource source, CheckpointListing manifest) {}

  /**
   * Looks at the model.
   *
   * @throws CheckpointException if the folder is not a checkpoint
   * @throws WeightsException if it cannot be read
   */
  public static Found look(JavaSparkContext spark, String model) {
    try {
      FileSource source = CheckpointSource.open(model, spark.hadoopConfiguration());
      return new Found(source, CheckpointListing.read(source));
    } catch (IOException e) {
      throw new WeightsException("Cannot read model " + model + ": " + e, e);
    }
  }

  /** As {@link #start(JavaSparkContext, String, WeightsMode, WeightsOptions, Consumer)}. */
  public static WeightsHandle start(
      JavaSparkContext spark,
      String model,
      Found found,
      WeightsMode plan,
      WeightsOptions options,
      Consumer<WeightsStatus> progress) {
    Configuration configuration = spark.hadoopConfiguration();
    FileSource source = found.source();
    CheckpointListing manifest = found.manifest();
    String id = "glm-image-weights-" + UUID.randomUUID();
    long bytes = manifest.totalBytes();
    if (plan.mode() == WeightsMode.Mode.LOCAL) {
      LOG.info("Model {}: every executor uses its own {}", manifest.source(), plan.path());
      return new WeightsHandle(
          spark,
          new WeightsRef(id, WeightsRef.Way.LOCAL, plan.path(), manifest, options, null),
          null,
          null,
          null,
          bytes);
    }
    Optional<Path> local = CheckpointSource.localPath(model, configuration);
    if (spark.isLocal() && local.isPresent()) {
      LOG.info("Model {}: used in place", manifest.source());
      return new WeightsHandle(
          spark,
          new WeightsRef(
              id, WeightsRef.Way.IN_PLACE, local.get().toString(), manifest, options, null),
          null,
          null,
          null,
          bytes);
    }
    if (spark.isLocal() || plan.mode() == WeightsMode.Mode.DIRECT) {
      LOG.info("Model {}: every node reads {} MiB itself", manifest.source(), bytes >> 20);
      Broadcast<SerializableConfiguration> hadoop =
          spark.broadcast(new SerializableConfiguration(configuration));
      return new WeightsHandle(
          spark,
          new WeightsRef(id, WeightsRef.Way.DIRECT, model, manifest, options, hadoop),
          null,
          null,
          hadoop,
          bytes);
    }
    LOG.info("Model {}: {} MiB by broadcast", manifest.source(), bytes >> 20);
    WeightsBroadcastServer server =
        new WeightsBroadcastServer(spark, source, manifest, options, progress);
    WeightsBroadcastChannel.Listener listener = WeightsBroadcastChannel.listen(id, server::answer);
    server.start();
    return new WeightsHandle(
        spark,
        new WeightsRef(id, WeightsRef.Way.BROADCAST, model, manifest, options, null),
        server,
        listener,
        null,
        bytes);
  }
}
