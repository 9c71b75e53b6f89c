package io.glmimage.spark.results;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.count;
import static org.apache.spark.sql.functions.expr;
import static org.apache.spark.sql.functions.floor;
import static org.apache.spark.sql.functions.greatest;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.log10;
import static org.apache.spark.sql.functions.sum;
import static org.apache.spark.sql.functions.xxhash64;

import io.glmimage.output.ResultColumn;
import io.glmimage.output.ResultStatus;
import io.glmimage.output.RunFigures;
import io.glmimage.output.ShownResult;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;

/**
 * Aggregates of a result table. The driver gets a fixed amount of data, however many rows there
 * are.
 */
public final class ResultFigures {
  /** Examples of each error class. */
  private static final int EXAMPLES = 5;

  /** Bars of the histogram per power of ten. */
  private static final int BINS_PER_DECADE = 6;

  /** Shorter times count as this many seconds in the histogram. */
  private static final double SHORTEST = 1e-4;

  private final Dataset<Row> rows;

  public ResultFigures(ResultsTable results) {
    this.rows = results.rows();
  }

  /**
   * All figures of the table.
   *
   * @param errorClasses the error classes of failed rows
   * @param samples rows to show in the report
   */
  public RunFigures all(Collection<String> errorClasses, List<RunFigures.Sample> samples) {
    return new RunFigures(
        stageSeconds(), quantiles(), histogram(), failures(errorClasses, EXAMPLES), samples);
  }

  /** The seconds of all rows by stage. {@code other} is the engine's time outside its stages. */
  Map<String, Double> stageSeconds() {
    Map<String, ResultColumn> stages = new LinkedHashMap<>();
    stages.put("read", ResultColumn.READ_SECONDS);
    stages.put("prior", ResultColumn.PRIOR_SECONDS);
    stages.put("denoise", ResultColumn.DENOISE_SECONDS);
    stages.put("decode", ResultColumn.DECODE_SECONDS);
    stages.put("write", ResultColumn.WRITE_SECONDS);
    List<Column> sums = new ArrayList<>(stages.values().stream().map(c -> sum(column(c))).toList());
    Row row = rows.agg(sum(column(ResultColumn.SECONDS)), sums.toArray(Column[]::new)).head();
    Map<String, Double> seconds = new LinkedHashMap<>();
    double rest = row.isNullAt(0) ? 0 : row.getDouble(0);
    int i = 1;
    for (String stage : stages.keySet()) {
      double value = row.isNullAt(i) ? 0 : row.getDouble(i);
      seconds.put(stage, value);
      rest -= value;
      i++;
    }
    seconds.put("other", Math.max(0, rest));
    return seconds;
  }

  /** Quantiles of the seconds of successful rows, by name; empty if no row succeeded. */
  Map<String, Double> quantiles() {
    String seconds = ResultColumn.SECONDS.column();
    Row row =
        ok().agg(
                expr("percentile_approx(" + seconds + ", array(0.5D, 0.9D, 0.99D), 1000)"),
                expr("max(" + seconds + ")"),
                expr("avg(" + seconds + ")"))
            .head();
    Map<String, Double> quantiles = new LinkedHashMap<>();
    if (!row.isNullAt(0)) {
      List<Double> values = row.getList(0);
      quantiles.put("p50", values.get(0));
      quantiles.put("p90", values.get(1));
      quantiles.put("p99", values.get(2));
      quantiles.put("max", row.getDouble(1));
      quantiles.put("mean", row.getDouble(2));
    }
    return quantiles;
  }

  /** A histogram of the seconds of successful rows, in bins of equal ratio, without gaps. */
  List<RunFigures.Bin> histogram() {
    TreeMap<Long, Long> counts = new TreeMap<>();
    Column seconds = greatest(column(ResultColumn.SECONDS), lit(SHORTEST));
    Column bin = floor(log10(seconds).multiply(BINS_PER_DECADE)).as("bin");
    for (Row row : ok().groupBy(bin).agg(count(lit(1))).collectAsList()) {
      counts.put(row.getLong(0), row.getLong(1));
    }
    List<RunFigures.Bin> bins = new ArrayList<>();
    if (!counts.isEmpty()) {
      for (long i = counts.firstKey(); i <= counts.lastKey(); i++) {
        bins.add(new RunFigures.Bin(edge(i), edge(i + 1), counts.getOrDefault(i, 0L)));
      }
    }
    return bins;
  }

  /**
   * The first failed rows of each error class.
   *
   * @param each largest number of rows for each class
   */
  Map<String, List<RunFigures.Failure>> failures(Iterable<String> classes, int each) {
    Map<String, List<RunFigures.Failure>> failures = new LinkedHashMap<>();
    for (String errorClass : classes) {
      failures.put(
          errorClass,
          rows
              .filter(column(ResultColumn.ERROR_CLASS).equalTo(errorClass))
              .orderBy(column(ResultColumn.ROW_INDEX))
              .limit(each)
              .select(
                  column(ResultColumn.ID), column(ResultColumn.PROMPT), column(ResultColumn.ERROR))
              .collectAsList()
              .stream()
              .map(
                  row ->
                      new RunFigures.Failure(
                          row.getAs(ResultColumn.ID.column()),
                          row.getAs(ResultColumn.PROMPT.column()),
                          row.getAs(ResultColumn.ERROR.column())))
              .toList());
    }
    return failures;
  }

  /**
   * Successful rows from all parts of the manifest. The ids decide, so they are always the same.
   */
  public List<ShownResult> sample(int limit) {
    return ok()
        .orderBy(xxhash64(column(ResultColumn.ID)), column(ResultColumn.ROW_INDEX))
        .limit(limit)
        .collectAsList()
        .stream()
        .map(ResultsTable::shown)
        .toList();
  }

  private Dataset<Row> ok() {
    return rows.filter(column(ResultColumn.STATUS).equalTo(ResultStatus.OK.name()));
  }

  private static double edge(long bin) {
    return Math.pow(10, (double) bin / BINS_PER_DECADE);
  }

  private static Column column(ResultColumn column) {
    return col(column.column());
  }
}
