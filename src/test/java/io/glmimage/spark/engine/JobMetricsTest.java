package io.glmimage.spark.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.codahale.metrics.Counter;
import io.glmimage.error.ErrorClass;
import io.glmimage.manifest.EditSettings;
import io.glmimage.manifest.ManifestRow;
import io.glmimage.output.EditFigures;
import io.glmimage.output.ResultRow;
import io.glmimage.output.RowTimes;
import java.util.List;
import org.apache.spark.SparkEnv;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("spark")
class JobMetricsTest {
  @Test
  void theWaitShareIsThePartOfTheTimeWithoutWork() {
    assertEquals(0.25, new EditFigures.EngineTime(3, 1).waitShare());
    assertNull(EditFigures.EngineTime.NONE.waitShare());
  }

  @Test
  void engineTimesReachTheAccumulatorsAndTheMetrics() throws Exception {
    try (SparkSession spark =
        SparkSession.builder()
            .master("local[1]")
            .config("spark.ui.enabled", "false")
            .getOrCreate()) {
      EngineCounters times =
          new EngineCounters(
              spark.sparkContext().longAccumulator("busy"),
              spark.sparkContext().longAccumulator("wait"),
              new KernelSelections());
      Counter busy = JobMetrics.get().metricRegistry().counter("engine.busy.ms");
      Counter waiting = JobMetrics.get().metricRegistry().counter("engine.wait.ms");
      long busyBefore = busy.getCount();
      long waitingBefore = waiting.getCount();
      new TaskObserver(null, times).worked(3_000_000, 2_000_000, List.of());
      assertEquals(3000, times.busyMicros().value());
      assertEquals(2000, times.waitMicros().value());
      assertEquals(3, busy.getCount() - busyBefore);
      assertEquals(2, waiting.getCount() - waitingBefore);
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
                row,
                new ResultRow.EditedFile("a.png", "sha", 32, 32),
                null,
                new RowTimes(0.1, 3, 1, 2, 0.1, 0.2),
                "m",
                origin));
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
