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
import java.util.Set;
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
  private static final Set<String> QUALITY =
      Set.of("quality", "changed_fraction", "ssim", "psnr", "flatness");

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

  private ResultsTable table(List<Row> rows) {
    OutputLayout output = new OutputLayout(folder.toString());
    spark.createDataFrame(rows, SCHEMA).write().mode("overwrite").parquet(output.results());
    return ResultsTable.open(spark, new Storage(new Configuration()), output.root());
  }

  private ResultFigures figures(List<Row> rows) {
    return new ResultFigures(table(rows));
  }

  private RunFigures all(List<Row> rows) {
    return all(rows, 10);
  }

  /**
   * @param known how many failed rows are known before
   */
  private RunFigures all(List<Row> rows, int known) {
    ResultsTable table = table(rows);
    return new ResultFigures(table)
        .all(table.counts(rows.size(), 0), table.failed().first(known), List.of());
  }

  @Test
  void timesAreSumsByStage() {
    Map<String, Double> stages =
        all(List.of(row(0, 8, null), row(1, 8, "MODEL_ERROR"))).stageSeconds();
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
    RunFigures figures = all(rows);
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
    RunFigures figures = all(List.of());
    assertEquals(Map.of(), figures.quantiles());
    assertEquals(List.of(), figures.histogram());
    assertEquals(0, figures.stageSeconds().get("other"));
    assertEquals(Map.of(), figures.failures());
    assertEquals(QualityReport.NONE, figures.quality());
    assertEquals(List.of(), figures(List.of()).sample(3));
  }

  @Test
  void aTableWithoutSuccessfulRowsHasTimesAndFailuresOnly() {
    List<Row> rows = List.of(row(0, 8, "MODEL_ERROR"), row(1, 8, "MODEL_ERROR"));
    RunFigures figures = all(rows);
    assertEquals(8.0, figures.stageSeconds().get("denoise"));
    assertEquals(Map.of(), figures.quantiles());
    assertEquals(List.of(), figures.histogram());
    assertEquals(QualityReport.NONE, figures.quality());
    assertEquals(2, figures.failures().get("MODEL_ERROR").size());
    Map<SampleGroup, List<ShownResult>> samples =
        figures(rows).samples(new RowCounts(2, 0, 0, Map.of("MODEL_ERROR", 2L), Map.of()), 24, 8);
    assertEquals(Set.of(SampleGroup.values()), samples.keySet());
    samples.forEach((group, shown) -> assertEquals(List.of(), shown, group.name()));
  }

  @Test
  void rowsThatWereNotJudgedHaveTimesOnly() {
    List<Row> rows = new ArrayList<>();
    for (int i = 1; i <= 4; i++) {
      rows.add(row(i, i, null));
    }
    List<Row> unjudged = new ArrayList<>();
    for (Row row : rows) {
      Object[] values = new Object[SCHEMA.size()];
      for (int i = 0; i < values.length; i++) {
        values[i] = QUALITY.contains(SCHEMA.fieldNames()[i]) ? null : row.get(i);
      }
      unjudged.add(RowFactory.create(values));
    }
    RunFigures figures = all(unjudged);
    assertEquals(QualityReport.NONE, figures.quality());
    assertEquals(4, figures.histogram().stream().mapToLong(RunFigures.Bin::rows).sum());
    assertEquals(2.5, figures.quantiles().get("mean"));
    // One judged row, without a source to compare with.
    unjudged.add(row(13, 1, null));
    QualityReport quality = all(unjudged).quality();
    assertEquals(Map.of("OK", 1L), quality.flags());
    assertEquals(List.of(), quality.change());
    assertEquals(List.of(), quality.likeness());
    assertEquals(Set.of("flatness"), quality.quantiles().keySet());
  }

  @Test
  void theFirstFailedRowsOfEachClassAreExamples() {
    List<Row> rows = new ArrayList<>();
    for (int i = 19; i >= 0; i--) {
      rows.add(row(i, 0, i % 2 == 0 ? "MODEL_ERROR" : "INVALID_ROW"));
    }
    rows.add(row(20, 0, "REQUEST_REFUSED"));
    rows.add(row(21, 0, null));
    Map<String, List<RunFigures.Failure>> failures = all(rows, 3).failures();
    assertEquals(failures, all(rows, 100).failures(), "with and without a further query");
    assertEquals(
        List.of("INVALID_ROW", "MODEL_ERROR", "REQUEST_REFUSED"), List.copyOf(failures.keySet()));
    assertEquals(
        List.of("r1", "r3", "r5", "r7", "r9"),
        failures.get("INVALID_ROW").stream().map(RunFigures.Failure::id).toList());
    assertEquals(
        List.of("r0", "r2", "r4", "r6", "r8"),
        failures.get("MODEL_ERROR").stream().map(RunFigures.Failure::id).toList());
    assertEquals(
        List.of(new RunFigures.Failure("r20", "p20", "why 20")), failures.get("REQUEST_REFUSED"));
  }

  @Test
  void flagsAndDistributionsAreOfJudgedRows() {
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i <= 100; i++) {
      rows.add(row(i, 1, null));
    }
    rows.add(row(101, 1, "MODEL_ERROR"));
    QualityReport quality = all(rows).quality();
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
    RowCounts counts = new RowCounts(20, 20, 0, Map.of(), Map.of("UNCHANGED", 1L));
    Map<SampleGroup, List<ShownResult>> queried = figures.samples(counts, 19, 3);
    Map<SampleGroup, List<ShownResult>> sorted = figures.samples(counts, 20, 3);
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
        .drop(QUALITY.toArray(String[]::new))
        .write()
        .mode("overwrite")
        .parquet(output.results());
    ResultsTable table = ResultsTable.open(spark, new Storage(new Configuration()), output.root());
    RowCounts counts = table.counts(2, 0);
    assertEquals(
        QualityReport.NONE, new ResultFigures(table).all(counts, List.of(), List.of()).quality());
    assertEquals(new RowCounts(2, 1, 0, Map.of("MODEL_ERROR", 1L), Map.of()), counts);
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
