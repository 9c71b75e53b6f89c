package io.glmimage.spark.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.ErrorClass;
import io.glmimage.io.Storage;
import io.glmimage.manifest.EditSettings;
import io.glmimage.manifest.ManifestRow;
import io.glmimage.output.ResultRow;
import io.glmimage.output.RowTimes;
import io.glmimage.output.RunFigures;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.SparkEnv;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("spark")
class JobMetricsTest {
  @Test
  void anEngineWaitsBetweenTheBatchesOfARunOnly() throws Exception {
    Storage storage = new Storage(new Configuration());
    FakeEngines engines = new FakeEngines("timed");
    try (SparkSession spark =
        SparkSession.builder()
            .master("local[1]")
            .config("spark.ui.enabled", "false")
            .getOrCreate()) {
      for (int run = 0; run < 2; run++) {
        EngineCounters times =
            new EngineCounters(
                spark.sparkContext().longAccumulator("busy"),
                spark.sparkContext().longAccumulator("wait"),
                new KernelSelections());
        spark.sparkContext().register(times.kernels(), "kernels");
        for (int batch = 0; batch < 2; batch++) {
          // Before the first batch of a run nobody waits.
          Thread.sleep(batch == 0 ? 400 : 30);
          ExecutorEngines.use(
              engines,
              "cpu",
              storage,
              null,
              times,
              engine -> {
                sleep(20);
                return 0;
              });
        }
        long busy = times.busyMicros().value();
        long waited = times.waitMicros().value();
        assertTrue(busy >= 40_000, busy + " us");
        assertTrue(waited >= 30_000 && waited < 400_000, waited + " us");
      }
    } finally {
      ExecutorEngines.closeAll();
    }
    assertEquals(0.25, new RunFigures.EngineTime(3, 1).waitShare());
    assertNull(RunFigures.EngineTime.NONE.waitShare());
  }

  private static void sleep(long millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void everySessionsMetricsSystemKnowsTheRows() throws Exception {
    for (int i = 0; i < 2; i++) {
      try (SparkSession spark =
          SparkSession.builder()
              .master("local[1]")
              .config("spark.ui.enabled", "false")
              .getOrCreate()) {
        JobMetrics metrics = JobMetrics.get();
        assertEquals(1, SparkEnv.get().metricsSystem().getSourcesByName(JobMetrics.NAME).size());
        long done = metrics.metricRegistry().counter("rows.done").getCount();
        long timed = metrics.metricRegistry().timer("seconds.denoise").getCount();
        EditSettings settings = new EditSettings(null, null, 1, 1, 1, 0);
        ManifestRow row = new ManifestRow(0, "a", "p", List.of(), List.of(), settings);
        ResultRow.Origin origin = new ResultRow.Origin("f", null, "run");
        metrics.count(
            ResultRow.done(
                row, "a.png", "sha", 32, 32, new RowTimes(0.1, 3, 1, 2, 0.1, 0.2), "m", origin));
        metrics.count(
            ResultRow.failed(row, ErrorClass.MODEL_ERROR, "why", RowTimes.NONE, "m", origin));
        assertEquals(done + 2, metrics.metricRegistry().counter("rows.done").getCount());
        assertEquals(timed + 1, metrics.metricRegistry().timer("seconds.denoise").getCount());
        assertTrue(
            metrics.metricRegistry().timer("seconds.denoise").getSnapshot().getMax()
                > 1_900_000_000L);
        assertEquals(0L, metrics.metricRegistry().getGauges().get("gpu.memory.bytes").getValue());
        assertEquals("local[1]", spark.sparkContext().master());
      }
    }
  }
}
