package io.glmimage.spark.engine;

import io.glmimage.spark.weights.WeightsDistribution;
import java.util.HashMap;
import java.util.Map;
import org.apache.spark.SparkContext;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerApplicationEnd;

/**
 * The model distributions of a Spark session that stay open until the session ends. A model that
 * has not changed is distributed once. An idle distribution costs one sleeping thread.
 */
final class ModelDistributions {
  /** By session; an entry is removed when its session ends. */
  private static final Map<SparkContext, ModelDistributions> SESSIONS = new HashMap<>();

  /**
   * @param version of the model folder when the distribution started
   */
  private record Key(EngineOptions options, String version) {}

  private final JavaSparkContext spark;
  private final Map<Key, DistributedEngines> running = new HashMap<>();
  private EngineOptions preloaded;

  private ModelDistributions(SparkContext context) {
    this.spark = JavaSparkContext.fromSparkContext(context);
  }

  /** The distributions of a session. */
  static ModelDistributions of(SparkContext context) {
    synchronized (SESSIONS) {
      return SESSIONS.computeIfAbsent(
          context,
          key -> {
            key.addSparkListener(new End(key));
            return new ModelDistributions(key);
          });
    }
  }

  /** Closes the distributions of a session. */
  static void end(SparkContext context) {
    ModelDistributions ended;
    synchronized (SESSIONS) {
      ended = SESSIONS.remove(context);
    }
    if (ended != null) {
      ended.close();
    }
  }

  /** Announces that {@link GlmImagePlugin} loads this model on every executor. */
  synchronized void preload(EngineOptions options) {
    preloaded = options;
  }

  /**
   * The model for one job, which closes the result. A job with the preloaded model borrows the
   * session's distribution.
   *
   * @throws io.glmimage.error.GlmImageException if the model cannot be read
   */
  synchronized DistributedEngines forJob(EngineOptions options) {
    return options.equals(preloaded)
        ? forSession(options).borrowed()
        : start(options, look(options));
  }

  /**
   * The model until the session ends.
   *
   * @throws io.glmimage.error.GlmImageException if the model cannot be read
   */
  synchronized DistributedEngines forSession(EngineOptions options) {
    WeightsDistribution.Found model = look(options);
    Key key = new Key(options, model == null ? "" : model.listing().version());
    return running.computeIfAbsent(key, k -> start(options, model));
  }

  /** The model folder as it is now; null for the embedded model. */
  private WeightsDistribution.Found look(EngineOptions options) {
    return options.model() == null ? null : WeightsDistribution.look(spark, options.model());
  }

  private DistributedEngines start(EngineOptions options, WeightsDistribution.Found model) {
    if (model == null) {
      // Every executor has the embedded model in its jar.
      return DistributedEngines.ofPresent(new CheckpointOpener(options, null));
    }
    var weights =
        WeightsDistribution.start(
            spark, options.model(), model, options.weights(), options.cache(), status -> {});
    return DistributedEngines.of(new CheckpointOpener(options, weights.ref()), weights);
  }

  private synchronized void close() {
    running.values().forEach(DistributedEngines::close);
    running.clear();
  }

  private static final class End extends SparkListener {
    private final SparkContext context;

    End(SparkContext context) {
      this.context = context;
    }

    @Override
    public void onApplicationEnd(SparkListenerApplicationEnd end) {
      ModelDistributions.end(context);
    }
  }
}
