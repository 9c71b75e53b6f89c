package io.glmimage.spark.results;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.io.Storage;
import io.glmimage.output.OutputLayout;
import io.glmimage.output.QualityReport;
import io.glmimage.output.RowCounts;
import io.glmimage.output.RunFigures;
import io.glmimage.output.SampleGroup;
import io.glmimage.output.ShownResult;
import io.glmimage.spark.TinySpark;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("spark")
class ResultFiguresTest extends TinySpark {
  private static final StructType SCHEMA = ResultsTable.schema(new StructType());

  @TempDir private Path folder;

  private static Row row(long index, double seconds, String errorClass) {
    Object[] values = new Object[SCHEMA.size()];
    values[SCHEMA.fieldIndex("row_index")] = index;
    values[SCHEMA.fieldIndex("id")] = "r" + index;
    values[SCHEMA.fieldIndex("status")] = errorClass == null ? "OK" : "FAILED";
    values[SCHEMA.fieldIndex("error_class")] = errorClass;
    values[SCHEMA.fieldIndex("error")] = errorClass == null ? null : "why " + index;
    values[SCHEMA.fieldIndex("width")] = errorClass == null ? 64 : null;
    values[SCHEMA.fieldIndex("height")] = errorClass == null ? 64 : null;
    values[SCHEMA.fieldIndex("seconds")] = seconds;
    values[SCHEMA.fieldIndex("read_seconds")] = seconds / 8;
    values[SCHEMA.fieldIndex("prior_seconds")] = seconds / 4;
    values[SCHEMA.fieldIndex("denoise_seconds")] = seconds / 2;
    values[SCHEMA.fieldIndex("decode_seconds")] = 0.0;
    values[SCHEMA.fieldIndex("write_seconds")] = 0.0;
    values[SCHEMA.fieldIndex("prompt")] = "p" + index;
    values[SCHEMA.fieldIndex("image_paths")] = new String[] {"0.png"};
    if (errorClass == null) {
      // Row i changes i percent of the pixels; row 0 is flagged, and row 13 has no source.
      values[SCHEMA.fieldIndex("quality")] = index == 0 ? "UNCHANGED" : "OK";
      values[SCHEMA.fieldIndex("changed_fraction")] = index == 13 ? null : index / 100.0;
      values[SCHEMA.fieldIndex("ssim")] = index == 13 ? null : 1 - index / 50.0;
      values[SCHEMA.fieldIndex("psnr")] = index == 13 ? null : 20.0;
      values[SCHEMA.fieldIndex("flatness")] = 0.5;
    }
    return RowFactory.create(values);
  }

  private ResultFigures figures(List<Row> rows) {
    OutputLayout output = new OutputLayout(folder.toString());
    spark.createDataFrame(rows, SCHEMA).write().mode("overwrite").parquet(output.results());
    return new ResultFigures(
        ResultsTable.open(spark, new Storage(new Configuration()), output.root()));
  }

  @Test
  void timesAreSumsByStage() {
    Map<String, Double> stages =
        figures(List.of(row(0, 8, null), row(1, 8, "MODEL_ERROR"))).stageSeconds();
    assertEquals(
        Map.of(
            "read", 2.0, "prior", 4.0, "denoise", 8.0, "decode", 0.0, "write", 0.0, "other", 2.0),
        stages);
    assertEquals(
        List.of("read", "prior", "denoise", "decode", "write", "other"),
        List.copyOf(stages.keySet()));
  }

  @Test
  void quantilesAndHistogramAreOfSuccessfulRows() {
    List<Row> rows = new ArrayList<>();
    for (int i = 1; i <= 100; i++) {
      rows.add(row(i, i, null));
    }
    rows.add(row(101, 1e6, "MODEL_ERROR"));
    ResultFigures figures = figures(rows);
    assertEquals(
        Map.of("p50", 50.0, "p90", 90.0, "p99", 99.0, "max", 100.0, "mean", 50.5),
        figures.quantiles());
    List<RunFigures.Bin> bins = figures.histogram();
    assertEquals(100, bins.stream().mapToLong(RunFigures.Bin::rows).sum());
    assertEquals(1, bins.get(0).from());
    for (int i = 1; i < bins.size(); i++) {
      assertEquals(bins.get(i - 1).to(), bins.get(i).from());
      assertEquals(Math.pow(10, 1 / 6.0), bins.get(i).to() / bins.get(i).from(), 1e-9);
    }
    assertTrue(bins.get(bins.size() - 1).to() > 100);
  }

  @Test
  void anEmptyTableHasNoQuantiles() {
    ResultFigures figures = figures(List.of());
    assertEquals(Map.of(), figures.quantiles());
    assertEquals(List.of(), figures.histogram());
    assertEquals(0, figures.stageSeconds().get("other"));
    assertEquals(List.of(), figures.sample(3));
  }

  @Test
  void theFirstFailedRowsOfEachClassAreExamples() {
    List<Row> rows = new ArrayList<>();
    for (int i = 9; i >= 0; i--) {
      rows.add(row(i, 0, i % 2 == 0 ? "MODEL_ERROR" : "INVALID_ROW"));
    }
    Map<String, List<RunFigures.Failure>> failures =
        figures(rows).failures(List.of("INVALID_ROW", "MODEL_ERROR"), 2);
    assertEquals(
        List.of(
            new RunFigures.Failure("r1", "p1", "why 1"),
            new RunFigures.Failure("r3", "p3", "why 3")),
        failures.get("INVALID_ROW"));
    assertEquals(2, failures.get("MODEL_ERROR").size());
  }

  @Test
  void flagsAndDistributionsAreOfJudgedRows() {
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i <= 100; i++) {
      rows.add(row(i, 1, null));
    }
    rows.add(row(101, 1, "MODEL_ERROR"));
    QualityReport quality = figures(rows).quality();
    assertEquals(Map.of("OK", 100L, "UNCHANGED", 1L), quality.flags());
    assertEquals(20, quality.change().size());
    assertEquals(100, quality.change().stream().mapToLong(RunFigures.Bin::rows).sum());
    assertEquals(4, quality.change().get(2).rows(), "10 to 14 percent, without row 13");
    assertEquals(6, quality.change().get(19).rows(), "the last bin has the value 1");
    assertEquals(0.95, quality.change().get(19).from(), 1e-9);
    assertTrue(quality.likeness().get(0).rows() > 50, "negative values are in the first bin");
    assertEquals(Map.of("p10", 0.5, "p50", 0.5, "p90", 0.5), quality.quantiles().get("flatness"));
    assertEquals(0.5, quality.quantiles().get("changed_fraction").get("p50"), 0.011);
  }

  @Test
  void shownRowsAreTheSameWithAndWithoutFurtherQueries() {
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      rows.add(row(i, 1, null));
    }
    ResultFigures figures = figures(rows);
    Map<SampleGroup, List<ShownResult>> queried = figures.samples(20, 19, 3);
    Map<SampleGroup, List<ShownResult>> sorted = figures.samples(20, 20, 3);
    for (SampleGroup group : SampleGroup.values()) {
      if (group != SampleGroup.SAMPLE) {
        assertEquals(queried.get(group), sorted.get(group), group.name());
      }
    }
    assertEquals(List.of("r19", "r18", "r17"), ids(sorted.get(SampleGroup.MOST_CHANGED)));
    assertEquals(List.of("r0", "r1", "r2"), ids(sorted.get(SampleGroup.LEAST_CHANGED)));
    assertEquals(List.of("r0"), ids(sorted.get(SampleGroup.UNCHANGED)));
    assertEquals(List.of(), sorted.get(SampleGroup.FLAT));
    assertTrue(sorted.get(SampleGroup.UNCHANGED).get(0).flagged());
    assertEquals("0.0 % changed, ssim 1.00", sorted.get(SampleGroup.UNCHANGED).get(0).likeness());
  }

  private static List<String> ids(List<ShownResult> rows) {
    return rows.stream().map(ShownResult::id).toList();
  }

  @Test
  void aTableOfAnEarlierVersionHasNoFigures() {
    OutputLayout output = new OutputLayout(folder.toString());
    spark
        .createDataFrame(List.of(row(0, 1, null), row(1, 1, "MODEL_ERROR")), SCHEMA)
        .drop("quality", "changed_fraction", "ssim", "psnr", "flatness")
        .write()
        .mode("overwrite")
        .parquet(output.results());
    ResultsTable table = ResultsTable.open(spark, new Storage(new Configuration()), output.root());
    assertEquals(QualityReport.NONE, new ResultFigures(table).quality());
    assertEquals(new RowCounts(2, 1, 0, Map.of("MODEL_ERROR", 1L), Map.of()), table.counts(2, 0));
    assertEquals(List.of(), table.flagged().first(5));
    assertEquals(2, table.first(5).size());
  }

  @Test
  void theSampleIsTheSameEveryTimeAndHasNoFailedRows() {
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i < 50; i++) {
      rows.add(row(i, 1, i % 5 == 0 ? "MODEL_ERROR" : null));
    }
    List<ShownResult> sample = figures(rows).sample(8);
    assertEquals(8, sample.size());
    assertTrue(sample.stream().allMatch(ShownResult::ok));
    Collections.reverse(rows);
    assertEquals(sample, figures(rows).sample(8));
  }
}
