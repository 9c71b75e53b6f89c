package io.glmimage.spark.engine;

import io.glmimage.spark.weights.WeightsDistribution;
import java.util.HashMap;
import java.util.Map;
import org.apache.spark.SparkContext;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerApplicationEnd;
import org.apache.spark.sql.SparkSession;

/**
 * Models on their way to the executors for as long as the session lives: for datasets, of which
 * nobody knows when their rows are asked for the last time. One that nobody asks for costs a thread
 * that sleeps. The same model, unchanged, is distributed once.
 */
final class SessionEngines {
  private static final Map<Key, DistributedEngines> RUNNING = new HashMap<>();

  /**
   * @param fingerprint of the folder as it was when the distribution started
   */
  private record Key(SparkContext context, EngineOptions options, String fingerprint) {}

  private SessionEngines() {}

  /**
   * What tasks open engines with.
   *
   * @throws io.glmimage.error.GlmImageException if the model cannot be read
   */
  static synchronized EngineFactory of(EngineOptions options, SparkSession session) {
    DistributedEngines plugIn = GlmImagePlugin.shared(options);
    if (plugIn != null) {
      return plugIn.engines();
    }
    JavaSparkContext spark = JavaSparkContext.fromSparkContext(session.sparkContext());
    WeightsDistribution.Found model = WeightsDistribution.look(spark, options.model());
    Key key = new Key(spark.sc(), options, model.manifest().fingerprint());
    DistributedEngines engines = RUNNING.get(key);
    if (engines == null) {
      if (RUNNING.keySet().stream().noneMatch(known -> known.context() == spark.sc())) {
        spark.sc().addSparkListener(new End(spark.sc()));
      }
      engines = ModelEngineFactory.distribute(options, model, spark);
      RUNNING.put(key, engines);
    }
    return engines.engines();
  }

  private static synchronized void close(SparkContext context) {
    RUNNING
        .entrySet()
        .removeIf(
            running -> {
              boolean ends = running.getKey().context() == context;
              if (ends) {
                running.getValue().close();
              }
              return ends;
            });
  }

  private static final class End extends SparkListener {
    private final SparkContext context;

    End(SparkContext context) {
      this.context = context;
    }

    @Override
    public void onApplicationEnd(SparkListenerApplicationEnd end) {
      close(context);
    }
  }
}
