package io.glmimage.spark.results;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.expr;
import static org.apache.spark.sql.functions.floor;
import static org.apache.spark.sql.functions.greatest;
import static org.apache.spark.sql.functions.least;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.log10;
import static org.apache.spark.sql.functions.sum;
import static org.apache.spark.sql.functions.when;
import static org.apache.spark.sql.functions.xxhash64;

import io.glmimage.output.QualityReport;
import io.glmimage.output.ResultColumn;
import io.glmimage.output.ResultStatus;
import io.glmimage.output.RunFigures;
import io.glmimage.output.SampleGroup;
import io.glmimage.output.ShownResult;
import io.glmimage.quality.QualityFlag;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.DataTypes;

/** Aggregates of a result table. The driver gets a fixed amount of data for any number of rows. */
public final class ResultFigures {
  /** Examples of each error class. */
  private static final int EXAMPLES = 5;

  /** Bars of the histogram per power of ten. */
  private static final int BINS_PER_DECADE = 6;

  /** Bars of a histogram from 0 to 1. */
  private static final int SHARE_BINS = 20;

  private static final double[] QUANTILES = {0.1, 0.5, 0.9};

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
        stageSeconds(),
        quantiles(),
        histogram(),
        failures(errorClasses, EXAMPLES),
        quality(),
        samples);
  }

  /** How the edited images were judged. */
  QualityReport quality() {
    Column change = column(ResultColumn.CHANGED_FRACTION);
    Column likeness = column(ResultColumn.SSIM);
    Map<String, Long> flags = new TreeMap<>();
    long[] changes = new long[SHARE_BINS];
    long[] likenesses = new long[SHARE_BINS];
    long compared = 0;
    for (Row row :
        ok().filter(column(ResultColumn.QUALITY).isNotNull())
            .groupBy(
                column(ResultColumn.QUALITY),
                shareBin(change).as("change"),
                shareBin(likeness).as("likeness"))
            .count()
            .collectAsList()) {
      long rows = row.<Long>getAs("count");
      flags.merge(row.getAs(ResultColumn.QUALITY.column()), rows, Long::sum);
      Integer changeBin = row.getAs("change");
      if (changeBin != null) {
        changes[changeBin] += rows;
        likenesses[row.<Integer>getAs("likeness")] += rows;
        compared += rows;
      }
    }
    if (flags.isEmpty()) {
      return QualityReport.NONE;
    }
    return new QualityReport(
        flags,
        compared == 0 ? List.of() : shareBins(changes),
        compared == 0 ? List.of() : shareBins(likenesses),
        qualityQuantiles());
  }

  /** The bin of a figure from 0 to 1; negative figures are in the first. */
  private static Column shareBin(Column figure) {
    Column bin = greatest(lit(0), least(lit(SHARE_BINS - 1), floor(figure.multiply(SHARE_BINS))));
    // greatest and least ignore nulls.
    return when(figure.isNotNull(), bin.cast(DataTypes.IntegerType));
  }

  private static List<RunFigures.Bin> shareBins(long[] counts) {
    List<RunFigures.Bin> bins = new ArrayList<>();
    for (int i = 0; i < counts.length; i++) {
      bins.add(
          new RunFigures.Bin((double) i / SHARE_BINS, (double) (i + 1) / SHARE_BINS, counts[i]));
    }
    return bins;
  }

  private Map<String, Map<String, Double>> qualityQuantiles() {
    List<ResultColumn> figures =
        List.of(
            ResultColumn.CHANGED_FRACTION,
            ResultColumn.SSIM,
            ResultColumn.PSNR,
            ResultColumn.FLATNESS);
    Column[] aggregates =
        figures.stream()
            .map(f -> expr("percentile_approx(" + f.column() + ", array(0.1D, 0.5D, 0.9D), 1000)"))
            .toArray(Column[]::new);
    Row row = ok().agg(aggregates[0], Arrays.copyOfRange(aggregates, 1, aggregates.length)).head();
    Map<String, Map<String, Double>> quantiles = new LinkedHashMap<>();
    for (int i = 0; i < figures.size(); i++) {
      if (!row.isNullAt(i)) {
        List<Double> values = row.getList(i);
        Map<String, Double> named = new LinkedHashMap<>();
        for (int q = 0; q < QUANTILES.length; q++) {
          named.put("p" + Math.round(100 * QUANTILES[q]), values.get(q));
        }
        quantiles.put(figures.get(i).column(), named);
      }
    }
    return quantiles;
  }

  /**
   * Rows to show, by group. The figures and ids decide, so they are always the same.
   *
   * @param ok number of successful rows
   * @param most largest number of rows from all parts
   * @param ofAGroup largest number of rows of each other group
   */
  public Map<SampleGroup, List<ShownResult>> samples(long ok, int most, int ofAGroup) {
    Map<SampleGroup, List<ShownResult>> samples = new EnumMap<>(SampleGroup.class);
    List<ShownResult> sample = sample(most);
    samples.put(SampleGroup.SAMPLE, sample);
    Column change = column(ResultColumn.CHANGED_FRACTION);
    Dataset<Row> compared = ok().filter(change.isNotNull());
    // If the sample has all rows, no further query is needed.
    boolean all = sample.size() == ok;
    Comparator<ShownResult> leastFirst =
        Comparator.comparing(row -> row.verdict().figures().changedFraction());
    samples.put(
        SampleGroup.MOST_CHANGED,
        all
            ? first(sample, ResultFigures::isCompared, leastFirst.reversed(), ofAGroup)
            : shown(compared, ofAGroup, change.desc()));
    samples.put(
        SampleGroup.LEAST_CHANGED,
        all
            ? first(sample, ResultFigures::isCompared, leastFirst, ofAGroup)
            : shown(compared, ofAGroup, change.asc()));
    for (QualityFlag flag : QualityFlag.values()) {
      if (flag != QualityFlag.OK) {
        samples.put(
            SampleGroup.valueOf(flag.name()),
            all
                ? first(
                    sample,
                    row -> row.verdict() != null && row.verdict().flag() == flag,
                    null,
                    ofAGroup)
                : shown(ok().filter(column(ResultColumn.QUALITY).equalTo(flag.name())), ofAGroup));
      }
    }
    return samples;
  }

  private static boolean isCompared(ShownResult row) {
    return row.verdict() != null && row.verdict().figures().changedFraction() != null;
  }

  /**
   * The first rows that are wanted.
   *
   * @param order null for the order of {@code rows}
   */
  private static List<ShownResult> first(
      List<ShownResult> rows,
      Predicate<ShownResult> wanted,
      Comparator<ShownResult> order,
      int limit) {
    Stream<ShownResult> found = rows.stream().filter(wanted);
    return (order == null ? found : found.sorted(order)).limit(limit).toList();
  }

  /** The seconds of all rows by stage. {@code other} is the engine's time outside its stages. */
  Map<String, Double> stageSeconds() {
    Map<String, ResultColumn> stages = new LinkedHashMap<>();
    stages.put("read", ResultColumn.READ_SECONDS);
    stages.put("prior", ResultColumn.PRIOR_SECONDS);
    stages.put("denoise", ResultColumn.DENOISE_SECONDS);
    stages.put("decode", ResultColumn.DECODE_SECONDS);
    stages.put("write", ResultColumn.WRITE_SECONDS);
    Column[] sums =
        stages.entrySet().stream()
            .map(stage -> sum(column(stage.getValue())).as(stage.getKey()))
            .toArray(Column[]::new);
    Row row = rows.agg(sum(column(ResultColumn.SECONDS)).as("all"), sums).head();
    Map<String, Double> seconds = new LinkedHashMap<>();
    double rest = orZero(row.getAs("all"));
    for (String stage : stages.keySet()) {
      double value = orZero(row.getAs(stage));
      seconds.put(stage, value);
      rest -= value;
    }
    seconds.put("other", Math.max(0, rest));
    return seconds;
  }

  /** Sums of no values are null. */
  private static double orZero(Double sum) {
    return sum == null ? 0 : sum;
  }

  /** Quantiles of the seconds of successful rows, by name; empty if no row succeeded. */
  Map<String, Double> quantiles() {
    String seconds = ResultColumn.SECONDS.column();
    Row row =
        ok().agg(
                expr("percentile_approx(" + seconds + ", array(0.5D, 0.9D, 0.99D), 1000)")
                    .as("quantiles"),
                expr("max(" + seconds + ")").as("max"),
                expr("avg(" + seconds + ")").as("mean"))
            .head();
    Map<String, Double> quantiles = new LinkedHashMap<>();
    if (!row.isNullAt(row.fieldIndex("quantiles"))) {
      List<Double> values = row.getList(row.fieldIndex("quantiles"));
      quantiles.put("p50", values.get(0));
      quantiles.put("p90", values.get(1));
      quantiles.put("p99", values.get(2));
      quantiles.put("max", row.getAs("max"));
      quantiles.put("mean", row.getAs("mean"));
    }
    return quantiles;
  }

  /** A histogram of the seconds of successful rows, in bins of equal ratio, without gaps. */
  List<RunFigures.Bin> histogram() {
    TreeMap<Long, Long> counts = new TreeMap<>();
    Column seconds = greatest(column(ResultColumn.SECONDS), lit(SHORTEST));
    Column bin = floor(log10(seconds).multiply(BINS_PER_DECADE)).as("bin");
    for (Row row : ok().groupBy(bin).count().collectAsList()) {
      counts.put(row.getAs("bin"), row.getAs("count"));
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
    return shown(ok(), limit);
  }

  /** The first rows in an order; ids decide among equals. */
  private static List<ShownResult> shown(Dataset<Row> rows, int limit, Column... order) {
    List<Column> columns = new ArrayList<>(List.of(order));
    columns.add(xxhash64(column(ResultColumn.ID)));
    columns.add(column(ResultColumn.ROW_INDEX));
    return rows.orderBy(columns.toArray(Column[]::new)).limit(limit).collectAsList().stream()
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
