package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.spark.weights.WeightsStatus;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class ProgressLineTest {
  @Test
  void saysRateAndTimeLeft() {
    ProgressLine line = new ProgressLine(6, 1, 10, 12);
    assertEquals(0.5, line.rowsPerSecond());
    assertEquals(8, line.secondsLeft());
    assertEquals(
        "[##################------------] 6/10 rows, 1 failed, 0.50 rows/s, 0:08 left",
        line.text());
  }

  @Test
  void saysWhatItWaitsForBeforeTheFirstRow() {
    assertTrue(new ProgressLine(0, 0, 10, 3).text().endsWith("0/10 rows, loading the model, 0:03"));
    assertTrue(Double.isNaN(new ProgressLine(0, 0, 10, 3).secondsLeft()));
    assertEquals(0, new ProgressLine(0, 0, 10, 0).rowsPerSecond());
  }

  @Test
  void saysHowFarTheModelIs() {
    WeightsStatus status =
        new WeightsStatus(
            33_100_000_000L,
            8_275_000_000L,
            9,
            new WeightsStatus.Chunks(1, 0, 0, 1),
            new WeightsStatus.Nodes(2, 1, 1, 0, 0));
    assertEquals(
        "sending the model, 25 % of 33.1 GB, 919 MB/s, 2 node(s) receiving, 2 ready",
        ProgressBar.waiting(Optional.of(status), 40));
    assertEquals("loading the model, 40 %", ProgressBar.waiting(Optional.empty(), 40));
    assertEquals("loading the model", ProgressBar.waiting(Optional.empty(), -1));
    assertEquals("editing the first rows", ProgressBar.waiting(Optional.empty(), 100));
    assertTrue(
        new ProgressLine(0, 0, 10, 3, "loading the model, 40 %", null)
            .text()
            .endsWith("0/10 rows, loading the model, 40 %, 0:03"));
  }

  @Test
  void saysTheCostSoFar() {
    assertTrue(
        new ProgressLine(6, 0, 10, 12, "", 1.234)
            .text()
            .endsWith("6/10 rows, 0.50 rows/s, 0:08 left, cost so far 1.23"));
  }

  @Test
  void neverShowsMoreThanThereIs() {
    assertTrue(new ProgressLine(14, 2, 10, 5).text().contains("] 10/10 rows, 2 failed, 2.00"));
    assertTrue(new ProgressLine(0, 0, 0, 1).text().contains("0/0 rows"));
  }

  @Test
  void writesTimesAsClocks() {
    assertEquals("0:00", ProgressLine.clock(0.2));
    assertEquals("59:59", ProgressLine.clock(3599));
    assertEquals("27:46:40", ProgressLine.clock(100_000));
  }
}
