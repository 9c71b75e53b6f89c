package io.glmimage.spark.run;

import com.codahale.metrics.Gauge;
import com.codahale.metrics.MetricRegistry;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.SparkEnv;
import org.apache.spark.metrics.MetricsSystem;
import org.apache.spark.metrics.source.Source;

/**
 * The sums over all executors in the driver's metrics: gauges {@code rows.done}, {@code
 * rows.failed}, {@code engine.busy.ms} and {@code engine.wait.ms} under {@code glm_image_run}. The
 * driver has a web page for Prometheus, executors have none. The engine times are those of ended
 * tasks.
 */
final class RunMetrics implements Source {
  /**
   * Spark's prefix of the names; not the one of the executors, which are the driver in local mode.
   */
  static final String NAME = "glm_image_run";

  private final MetricRegistry registry = new MetricRegistry();

  RunMetrics(RowProgress progress) {
    gauge("rows.done", progress::doneRows);
    gauge("rows.failed", progress::failedRows);
    gauge("engine.busy.ms", () -> Math.round(progress.engineTime().busy() * 1000));
    gauge("engine.wait.ms", () -> Math.round(progress.engineTime().waiting() * 1000));
  }

  private void gauge(String name, Gauge<Long> value) {
    registry.register(name, value);
  }

  /**
   * Makes this the driver's source. It stays after the run, so that the last values are seen, and
   * until the next run of the session.
   */
  void register() {
    SparkEnv environment = SparkEnv.get();
    if (environment == null) {
      return;
    }
    MetricsSystem metrics = environment.metricsSystem();
    List<Source> earlier = new ArrayList<>();
    // An iterator only: the types of the collections differ between Scala 2.12 and 2.13.
    var sources = metrics.getSourcesByName(NAME).iterator();
    while (sources.hasNext()) {
      earlier.add(sources.next());
    }
    earlier.forEach(metrics::removeSource);
    metrics.registerSource(this);
  }

  @Override
  public String sourceName() {
    return NAME;
  }

  @Override
  public MetricRegistry metricRegistry() {
    return registry;
  }
}
