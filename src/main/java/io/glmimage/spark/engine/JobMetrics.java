package io.glmimage.spark.engine;

import com.codahale.metrics.Counter;
import com.codahale.metrics.Gauge;
import com.codahale.metrics.MetricRegistry;
import com.codahale.metrics.Timer;
import io.glmimage.output.ResultRow;
import io.glmimage.output.ResultStatus;
import io.glmimage.output.RowTimes;
import io.glmimage.predict.LoadedModels;
import java.util.concurrent.TimeUnit;
import org.apache.spark.SparkEnv;
import org.apache.spark.metrics.source.Source;

/**
 * The figures of this process in Spark's metrics system, under {@code glm_image}: counters {@code
 * rows.done} and {@code rows.failed}, timers {@code seconds.read}, {@code .prior}, {@code
 * .denoise}, {@code .decode}, {@code .write} and {@code .row}, a gauge {@code gpu.memory.bytes},
 * counters {@code engine.busy.ms} and {@code engine.wait.ms}. Sinks (Prometheus, Graphite, CSV) are
 * configured in Spark's {@code metrics.properties}. Rows of repeated tasks count again: the figures
 * show load, not results.
 */
public final class JobMetrics implements Source {
  /** Spark's prefix of the names. */
  static final String NAME = "glm_image";

  private static final JobMetrics INSTANCE = new JobMetrics();

  private final MetricRegistry registry = new MetricRegistry();
  private final Counter done = registry.counter("rows.done");
  private final Counter failed = registry.counter("rows.failed");
  private final Timer read = registry.timer("seconds.read");
  private final Timer prior = registry.timer("seconds.prior");
  private final Timer denoise = registry.timer("seconds.denoise");
  private final Timer decode = registry.timer("seconds.decode");
  private final Timer write = registry.timer("seconds.write");
  private final Timer row = registry.timer("seconds.row");

  private final Counter engineBusy = registry.counter("engine.busy.ms");
  private final Counter engineWait = registry.counter("engine.wait.ms");

  /** The Spark environment that this source is registered with. Every session has its own. */
  private SparkEnv registered;

  private JobMetrics() {
    registry.register(
        "gpu.memory.bytes", (Gauge<Long>) LoadedModels.ofProcess()::deviceMemoryBytes);
  }

  /** The figures of this process, registered with its Spark metrics system. */
  public static JobMetrics get() {
    INSTANCE.register(SparkEnv.get());
    return INSTANCE;
  }

  private synchronized void register(SparkEnv environment) {
    if (environment != null && !environment.equals(registered)) {
      environment.metricsSystem().registerSource(this);
      registered = environment;
    }
  }

  /** Counts a row with its times. */
  public void count(ResultRow result) {
    done.inc();
    if (result.status() == ResultStatus.FAILED) {
      failed.inc();
      return;
    }
    RowTimes times = result.times();
    update(read, times.read());
    update(prior, times.prior());
    update(denoise, times.denoise());
    update(decode, times.decode());
    update(write, times.write());
    update(row, times.total());
  }

  /** Counts how an engine spent its time. */
  void engine(long busyNanos, long waitNanos) {
    engineBusy.inc(TimeUnit.NANOSECONDS.toMillis(busyNanos));
    engineWait.inc(TimeUnit.NANOSECONDS.toMillis(waitNanos));
  }

  private static void update(Timer timer, double seconds) {
    timer.update((long) (seconds * 1e9), TimeUnit.NANOSECONDS);
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
