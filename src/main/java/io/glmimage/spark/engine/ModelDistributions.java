package io.glmimage.spark.engine;

import io.glmimage.spark.weights.WeightsDistribution;
import io.glmimage.spark.weights.WeightsHandle;
import io.glmimage.weights.AdapterSpec;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
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
   * @param versions of the model folder and of its adapters when the distribution started
   */
  private record Key(EngineOptions options, List<String> versions) {}

  /**
   * The folders as they are now.
   *
   * @param model null for the embedded model
   */
  private record Present(
      WeightsDistribution.Found model, List<WeightsDistribution.Found> adapters) {
    List<String> versions() {
      List<String> versions = new ArrayList<>();
      versions.add(model == null ? "" : model.listing().version());
      adapters.forEach(adapter -> versions.add(adapter.listing().version()));
      return versions;
    }
  }

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
    Present present = look(options);
    return running.computeIfAbsent(
        new Key(options, present.versions()), k -> start(options, present));
  }

  private Present look(EngineOptions options) {
    return new Present(
        options.model() == null ? null : WeightsDistribution.look(spark, options.model()),
        options.adapters().stream()
            .map(adapter -> WeightsDistribution.lookAdapter(spark, adapter.location()))
            .toList());
  }

  private DistributedEngines start(EngineOptions options, Present present) {
    List<WeightsHandle> started = new ArrayList<>();
    try {
      List<DistributedAdapter> adapters = new ArrayList<>();
      for (int i = 0; i < present.adapters().size(); i++) {
        AdapterSpec spec = options.adapters().get(i);
        // The path of "local" is the model's; adapters are small and are sent.
        WeightsHandle handle =
            WeightsDistribution.start(
                spark,
                spec.location(),
                present.adapters().get(i),
                options.weights().orBroadcast(),
                options.cache(),
                status -> {});
        started.add(handle);
        adapters.add(
            new DistributedAdapter(
                handle.ref(), present.adapters().get(i).listing().source(), spec.scale()));
      }
      // Every executor has the embedded model in its jar.
      WeightsHandle weights =
          present.model() == null
              ? null
              : WeightsDistribution.start(
                  spark,
                  options.model(),
                  present.model(),
                  options.weights(),
                  options.cache(),
                  status -> {});
      return DistributedEngines.of(
          new CheckpointOpener(options, weights == null ? null : weights.ref(), adapters),
          weights,
          started);
    } catch (RuntimeException e) {
      started.forEach(WeightsHandle::close);
      throw e;
    }
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
