package io.glmimage.spark.manifest;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.glmimage.manifest.EditSettings;
import io.glmimage.manifest.ManifestRow;
import io.glmimage.manifest.MaskSource;
import io.glmimage.manifest.Rejection;
import io.glmimage.manifest.RowFingerprint;
import io.glmimage.manifest.RowOutcome;
import io.glmimage.request.LargeSources;
import io.glmimage.request.Sizing;
import io.glmimage.request.Solver;
import java.util.List;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.functions;
import org.junit.jupiter.api.Test;

class PlannedRowTest {
  private static final List<RowOutcome> OUTCOMES =
      List.of(
          new ManifestRow(
              1L << 40,
              "an id",
              "prompt \"é\" 😀",
              List.of("a.png", "data:image/png;base64,... (26 characters)"),
              List.of("/m/a.png", "data:image/png;base64,AQID"),
              new EditSettings(64, 4096, 20, 1.1, Long.MAX_VALUE, 0.25),
              new MaskSource("/m/mask.png", true)),
          new ManifestRow(
              0,
              "text",
              "p",
              List.of(),
              List.of(),
              new EditSettings(
                  null,
                  null,
                  1,
                  0,
                  -3,
                  0,
                  Solver.MULTISTEP2,
                  new Sizing(false, LargeSources.UPSCALE, 1L << 33))),
          new Rejection(2, "bad", null, List.of(), "Cannot edit row bad: its prompt is empty"),
          new Rejection(3, "worse", "p", List.of("x.png"), "Cannot edit row worse: why"));

  @Test
  void aTableGivesBackTheSameRows() {
    List<PlannedRow> planned = OUTCOMES.stream().map(row -> PlannedRow.of(row, "model")).toList();
    try (LocalSpark spark = new LocalSpark()) {
      List<Row> rows =
          spark
              .session()
              .createDataFrame(planned.stream().map(PlannedRow::toRow).toList(), PlannedRow.SCHEMA)
              // Columns are found by name, wherever they are.
              .select(functions.lit(1).as("before"), functions.col("*"))
              .collectAsList();
      assertEquals(planned, rows.stream().map(PlannedRow::of).toList());
    }
  }

  @Test
  void theFingerprintIsThatOfRowAndModel() {
    for (RowOutcome outcome : OUTCOMES) {
      PlannedRow planned = PlannedRow.of(outcome, "model");
      assertEquals(RowFingerprint.of(outcome, "model"), planned.fingerprint());
      assertEquals(outcome.id(), planned.id());
    }
  }
}
