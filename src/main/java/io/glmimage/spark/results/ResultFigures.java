package io.glmimage.spark.results;

import static org.apache.spark.sql.functions.array;
import static org.apache.spark.sql.functions.avg;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.explode;
import static org.apache.spark.sql.functions.floor;
import static org.apache.spark.sql.functions.greatest;
import static org.apache.spark.sql.functions.least;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.log10;
import static org.apache.spark.sql.functions.max;
import static org.apache.spark.sql.functions.percentile_approx;
import static org.apache.spark.sql.functions.row_number;
import static org.apache.spark.sql.functions.struct;
import static org.apache.spark.sql.functions.sum;
import static org.apache.spark.sql.functions.when;
import static org.apache.spark.sql.functions.xxhash64;

import io.glmimage.output.QualityReport;
import io.glmimage.output.ResultColumn;
import io.glmimage.output.ResultStatus;
import io.glmimage.output.RowCounts;
import io.glmimage.output.RunFigures;
import io.glmimage.output.SampleGroup;
import io.glmimage.output.ShownResult;
import io.glmimage.quality.QualityFlag;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.expressions.Window;
import org.apache.spark.sql.functions;

/** Aggregates of a result table. The driver gets a fixed amount of data for any number of rows. */
public final class ResultFigures {
  /** Examples of each error class. */
  private static final int EXAMPLES = 5;

  /** Bars of the histogram per power of ten. */
  private static final int BINS_PER_DECADE = 6;

  /** Bars of a histogram from 0 to 1. */
  private static final int SHARE_BINS = 20;

  /** Memory of the quantiles: the larger, the more exact are those of many rows. */
  private static final int QUANTILE_ACCURACY = 1000;

  private static final List<Double> SECONDS_QUANTILES = List.of(0.5, 0.9, 0.99);
  private static final List<Double> QUALITY_QUANTILES = List.of(0.1, 0.5, 0.9);

  private static final List<ResultColumn> QUALITY_FIGURES =
      List.of(
          ResultColumn.CHANGED_FRACTION,
          ResultColumn.SSIM,
          ResultColumn.PSNR,
          ResultColumn.FLATNESS);

  private static final List<Stage> STAGES =
      List.of(
          new Stage("read", ResultColumn.READ_SECONDS),
          new Stage("prior", ResultColumn.PRIOR_SECONDS),
          new Stage("denoise", ResultColumn.DENOISE_SECONDS),
          new Stage("decode", ResultColumn.DECODE_SECONDS),
          new Stage("write", ResultColumn.WRITE_SECONDS));

  /** Shorter times count as this many seconds in the histogram. */
  private static final double SHORTEST = 1e-4;

  // Columns of the queries.
  private static final String ALL_SECONDS = "all_seconds";
  private static final String QUANTILES = "quantiles";
  private static final String MAX = "max";
  private static final String MEAN = "mean";
  private static final String FLAG = "flag";
  private static final String BINNED = "binned";
  private static final String FIGURE = "figure";
  private static final String BIN = "bin";
  private static final String RANK = "rank";

  /** A stage of the work on a row, and the column with its time. */
  private record Stage(String name, ResultColumn seconds) {}

  private final Dataset<Row> rows;

  public ResultFigures(ResultsTable results) {
    this.rows = results.rows();
  }

  /**
   * All figures of the table.
   *
   * @param counts of the table
   * @param failed the first failed rows, in manifest order
   * @param samples rows to show in the report
   */
  public RunFigures all(
      RowCounts counts, List<ShownResult> failed, List<RunFigures.Sample> samples) {
    Row totals = totals().head();
    List<Binned> bins = bins().collectAsList().stream().map(Binned::of).toList();
    return new RunFigures(
        stageSeconds(totals),
        seconds(totals),
        histogram(bins),
        failures(counts, failed),
        quality(totals, bins),
        samples);
  }

  /** One row with all sums and quantiles. Aggregates of successful rows are null without them. */
  Dataset<Row> totals() {
    List<Column> totals = new ArrayList<>();
    totals.add(sum(column(ResultColumn.SECONDS)).as(ALL_SECONDS));
    STAGES.forEach(stage -> totals.add(sum(column(stage.seconds())).as(stage.name())));
    Column seconds = ofSuccessful(ResultColumn.SECONDS);
    totals.add(quantiles(seconds, SECONDS_QUANTILES).as(QUANTILES));
    totals.add(max(seconds).as(MAX));
    totals.add(avg(seconds).as(MEAN));
    for (ResultColumn figure : QUALITY_FIGURES) {
      totals.add(quantiles(ofSuccessful(figure), QUALITY_QUANTILES).as(figure.column()));
    }
    return rows.agg(totals.get(0), totals.subList(1, totals.size()).toArray(Column[]::new));
  }

  /** The values of successful rows, for aggregates. They ignore nulls. */
  private static Column ofSuccessful(ResultColumn column) {
    return when(isOk(), column(column));
  }

  private static Column quantiles(Column values, List<Double> shares) {
    Column[] all = shares.stream().map(functions::lit).toArray(Column[]::new);
    return percentile_approx(values, array(all), lit(QUANTILE_ACCURACY));
  }

  /** The quantiles in a column by name, such as {@code p50}; empty if there were no values. */
  private static Map<String, Double> quantiles(Row totals, String column, List<Double> shares) {
    Map<String, Double> named = new LinkedHashMap<>();
    int field = totals.fieldIndex(column);
    if (!totals.isNullAt(field)) {
      List<Double> values = totals.getList(field);
      for (int i = 0; i < shares.size(); i++) {
        named.put("p" + Math.round(100 * shares.get(i)), values.get(i));
      }
    }
    return named;
  }

  /**
   * Numbers of successful rows by flag, figure and bin. Each row is counted once for each of its
   * figures; all have {@code seconds}.
   */
  Dataset<Row> bins() {
    Column seconds = greatest(column(ResultColumn.SECONDS), lit(SHORTEST));
    Column bins =
        array(
            binned(ResultColumn.SECONDS, floor(log10(seconds).multiply(BINS_PER_DECADE))),
            binned(ResultColumn.CHANGED_FRACTION, shareBin(ResultColumn.CHANGED_FRACTION)),
            binned(ResultColumn.SSIM, shareBin(ResultColumn.SSIM)));
    return ok().select(column(ResultColumn.QUALITY).as(FLAG), explode(bins).as(BINNED))
        .select(col(FLAG), col(BINNED + "." + FIGURE), col(BINNED + "." + BIN))
        .filter(col(BIN).isNotNull())
        .groupBy(FLAG, FIGURE, BIN)
        .count();
  }

  private static Column binned(ResultColumn figure, Column bin) {
    return struct(lit(figure.column()).as(FIGURE), bin.as(BIN));
  }

  /**
   * Successful rows with the same flag, in the same bin of a figure.
   *
   * @param flag null if the rows were not judged
   */
  private record Binned(String flag, String figure, long bin, long rows) {
    static Binned of(Row row) {
      return new Binned(row.getAs(FLAG), row.getAs(FIGURE), row.getAs(BIN), row.getAs("count"));
    }

    boolean isJudged() {
      return flag != null;
    }

    boolean isOf(ResultColumn column) {
      return figure.equals(column.column());
    }
  }

  /** How the edited images were judged. */
  private static QualityReport quality(Row totals, List<Binned> bins) {
    List<Binned> judged = bins.stream().filter(Binned::isJudged).toList();
    Map<String, Long> flags = new TreeMap<>();
    for (Binned one : judged) {
      if (one.isOf(ResultColumn.SECONDS)) {
        flags.merge(one.flag(), one.rows(), Long::sum);
      }
    }
    if (flags.isEmpty()) {
      return QualityReport.NONE;
    }
    Map<String, Map<String, Double>> quantiles = new LinkedHashMap<>();
    for (ResultColumn figure : QUALITY_FIGURES) {
      Map<String, Double> ofFigure = quantiles(totals, figure.column(), QUALITY_QUANTILES);
      if (!ofFigure.isEmpty()) {
        quantiles.put(figure.column(), ofFigure);
      }
    }
    return new QualityReport(
        flags,
        shareBins(judged, ResultColumn.CHANGED_FRACTION),
        shareBins(judged, ResultColumn.SSIM),
        quantiles);
  }

  /** The bin of a figure from 0 to 1; negative figures are in the first. */
  private static Column shareBin(ResultColumn column) {
    Column figure = column(column);
    Column bin = floor(figure.multiply(SHARE_BINS));
    // greatest and least ignore nulls.
    return when(figure.isNotNull(), greatest(lit(0L), least(lit((long) SHARE_BINS - 1), bin)));
  }

  /** The bins of a figure from 0 to 1; empty if no row has it. */
  private static List<RunFigures.Bin> shareBins(List<Binned> judged, ResultColumn figure) {
    SortedMap<Long, Long> counts = counts(judged, figure);
    if (counts.isEmpty()) {
      return List.of();
    }
    List<RunFigures.Bin> bins = new ArrayList<>();
    for (int i = 0; i < SHARE_BINS; i++) {
      double from = (double) i / SHARE_BINS;
      double to = (double) (i + 1) / SHARE_BINS;
      bins.add(new RunFigures.Bin(from, to, counts.getOrDefault((long) i, 0L)));
    }
    return bins;
  }

  private static SortedMap<Long, Long> counts(List<Binned> bins, ResultColumn figure) {
    SortedMap<Long, Long> counts = new TreeMap<>();
    for (Binned one : bins) {
      if (one.isOf(figure)) {
        counts.merge(one.bin(), one.rows(), Long::sum);
      }
    }
    return counts;
  }

  /**
   * Rows to show, by group. The figures and ids decide, so they are always the same.
   *
   * @param counts of the table
   * @param most largest number of rows from all parts
   * @param ofAGroup largest number of rows of each other group
   */
  public Map<SampleGroup, List<ShownResult>> samples(RowCounts counts, int most, int ofAGroup) {
    Map<SampleGroup, List<ShownResult>> samples = new EnumMap<>(SampleGroup.class);
    List<ShownResult> sample = counts.ok() == 0 ? List.of() : sample(most);
    samples.put(SampleGroup.SAMPLE, sample);
    Column change = column(ResultColumn.CHANGED_FRACTION);
    Dataset<Row> compared = ok().filter(change.isNotNull());
    // If the sample has all rows, or no row has a flag, no further query is needed.
    boolean all = sample.size() == counts.ok();
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
            all || !counts.flagged().containsKey(flag.name())
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
  private static Map<String, Double> stageSeconds(Row totals) {
    Map<String, Double> seconds = new LinkedHashMap<>();
    double rest = orZero(totals.getAs(ALL_SECONDS));
    for (Stage stage : STAGES) {
      double value = orZero(totals.getAs(stage.name()));
      seconds.put(stage.name(), value);
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
  private static Map<String, Double> seconds(Row totals) {
    Map<String, Double> quantiles = quantiles(totals, QUANTILES, SECONDS_QUANTILES);
    if (!quantiles.isEmpty()) {
      quantiles.put(MAX, totals.getAs(MAX));
      quantiles.put(MEAN, totals.getAs(MEAN));
    }
    return quantiles;
  }

  /** A histogram of the seconds of successful rows, in bins of equal ratio, without gaps. */
  private static List<RunFigures.Bin> histogram(List<Binned> binned) {
    SortedMap<Long, Long> counts = counts(binned, ResultColumn.SECONDS);
    List<RunFigures.Bin> bins = new ArrayList<>();
    if (!counts.isEmpty()) {
      for (long i = counts.firstKey(); i <= counts.lastKey(); i++) {
        bins.add(new RunFigures.Bin(edge(i), edge(i + 1), counts.getOrDefault(i, 0L)));
      }
    }
    return bins;
  }

  /** The first failed rows of each error class, in manifest order. */
  private Map<String, List<RunFigures.Failure>> failures(
      RowCounts counts, List<ShownResult> failed) {
    Map<String, List<RunFigures.Failure>> failures = new LinkedHashMap<>();
    for (String errorClass : counts.failedByClass().keySet()) {
      failures.put(errorClass, new ArrayList<>());
    }
    // If these are all failed rows, no further query is needed.
    List<ShownResult> rows = failed.size() == counts.failed() ? failed : queried(failures.keySet());
    for (ShownResult row : rows) {
      List<RunFigures.Failure> ofClass = failures.get(row.failure().errorClass());
      if (ofClass.size() < EXAMPLES) {
        ofClass.add(new RunFigures.Failure(row.id(), row.prompt(), row.failure().message()));
      }
    }
    return failures;
  }

  private List<ShownResult> queried(Collection<String> errorClasses) {
    return examples(errorClasses).collectAsList().stream()
        .sorted(Comparator.comparing(row -> row.<Long>getAs(ResultColumn.ROW_INDEX.column())))
        .map(ResultsTable::shown)
        .toList();
  }

  /** The first rows of each error class, unordered. */
  Dataset<Row> examples(Collection<String> errorClasses) {
    Column errorClass = column(ResultColumn.ERROR_CLASS);
    List<Column> columns = new ArrayList<>();
    ResultsTable.SHOWN.forEach(column -> columns.add(column(column)));
    // With a limit on the rank, each task keeps only so many rows of a class before the shuffle.
    columns.add(
        row_number()
            .over(Window.partitionBy(errorClass).orderBy(column(ResultColumn.ROW_INDEX)))
            .as(RANK));
    return rows.filter(errorClass.isInCollection(errorClasses))
        .select(columns.toArray(Column[]::new))
        .filter(col(RANK).leq(EXAMPLES));
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
    return ResultsTable.first(rows, limit, columns.toArray(Column[]::new));
  }

  private Dataset<Row> ok() {
    return rows.filter(isOk());
  }

  private static Column isOk() {
    return column(ResultColumn.STATUS).equalTo(ResultStatus.OK.name());
  }

  private static double edge(long bin) {
    return Math.pow(10, (double) bin / BINS_PER_DECADE);
  }

  private static Column column(ResultColumn column) {
    return col(column.column());
  }
}
