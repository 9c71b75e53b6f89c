package io.glmimage.spark.results;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.struct;
import static org.apache.spark.sql.functions.to_json;

import io.glmimage.error.JobException;
import io.glmimage.error.UsageException;
import io.glmimage.io.Storage;
import io.glmimage.output.OutputLayout;
import io.glmimage.output.ResultColumn;
import io.glmimage.output.ResultStatus;
import io.glmimage.output.RowCounts;
import io.glmimage.output.ShownResult;
import io.glmimage.output.Verdict;
import io.glmimage.quality.QualityFigures;
import io.glmimage.quality.QualityFlag;
import io.glmimage.spark.manifest.LiteralPaths;
import io.glmimage.spark.manifest.ResultManifest;
import io.glmimage.spark.manifest.SqlColumns;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/** A complete result table on storage. */
public final class ResultsTable {
  /** Columns that the table of every version has. */
  private static final List<String> FIRST_COLUMNS =
      List.of(
          name(ResultColumn.ROW_INDEX),
          name(ResultColumn.ID),
          name(ResultColumn.STATUS),
          name(ResultColumn.OUTPUT_PATH),
          name(ResultColumn.FINGERPRINT));

  /** The columns that {@link #shown} needs, and the position in the manifest. */
  static final List<ResultColumn> SHOWN =
      List.of(
          ResultColumn.ROW_INDEX,
          ResultColumn.ID,
          ResultColumn.PROMPT,
          ResultColumn.IMAGE_PATHS,
          ResultColumn.SEED,
          ResultColumn.SECONDS,
          ResultColumn.STATUS,
          ResultColumn.ERROR_CLASS,
          ResultColumn.ERROR,
          ResultColumn.OUTPUT_PATH,
          ResultColumn.WIDTH,
          ResultColumn.HEIGHT,
          ResultColumn.QUALITY,
          ResultColumn.CHANGED_FRACTION,
          ResultColumn.SSIM,
          ResultColumn.PSNR,
          ResultColumn.FLATNESS);

  private final Dataset<Row> rows;

  private ResultsTable(Dataset<Row> rows) {
    this.rows = rows;
  }

  /**
   * Opens the table.
   *
   * @param folder an output folder, or its {@code results} folder
   * @throws UsageException if there is no complete result table
   * @throws JobException if the folder cannot be read
   */
  public static ResultsTable open(SparkSession spark, Storage storage, String folder) {
    try {
      String inside = new OutputLayout(folder).results();
      String path = storage.exists(inside + "/_SUCCESS") ? inside : folder;
      if (!storage.exists(path + "/_SUCCESS")) {
        throw new UsageException(
            "Cannot read results: "
                + folder
                + " holds no finished result table (give the --output folder of a run)");
      }
      Dataset<Row> rows = LiteralPaths.reader(spark).parquet(files(storage, path));
      List<String> columns = List.of(rows.columns());
      if (!columns.containsAll(FIRST_COLUMNS)) {
        throw new UsageException(
            "Cannot read results: " + path + " is not a result table of this program");
      }
      for (ResultColumn column : ResultColumn.values()) {
        if (!columns.contains(column.column())) {
          rows = rows.withColumn(column.column(), lit(null).cast(type(column.type())));
        }
      }
      String root = path.equals(inside) ? folder : storage.parent(folder);
      OutputLayout output = new OutputLayout(storage.qualified(root));
      // A table that was copied without its edited images keeps their paths.
      return new ResultsTable(
          storage.exists(output.images()) ? ResultManifest.rebased(rows, output) : rows);
    } catch (IOException e) {
      throw new JobException("Cannot read results " + folder + ": " + e.getMessage(), e);
    }
  }

  /** Whether Spark gives data files such names. Other files are left alone. */
  static boolean isTableFile(String name) {
    return name.startsWith("part-");
  }

  /** The data files, without files that people and other programs have put there. */
  private static String[] files(Storage storage, String path) throws IOException {
    String folder = storage.qualified(path);
    List<String> files =
        storage.names(folder).stream()
            .filter(ResultsTable::isTableFile)
            .map(name -> folder + "/" + name)
            .toList();
    return files.isEmpty() ? new String[] {folder} : files.toArray(String[]::new);
  }

  /**
   * The schema of a result table.
   *
   * @param passedThrough the columns of the manifest that follow those of {@link ResultColumn}
   */
  static StructType schema(StructType passedThrough) {
    List<StructField> fields = new ArrayList<>();
    for (ResultColumn column : ResultColumn.values()) {
      fields.add(DataTypes.createStructField(column.column(), type(column.type()), true));
    }
    fields.addAll(List.of(passedThrough.fields()));
    return DataTypes.createStructType(fields);
  }

  /** The result rows. */
  Dataset<Row> rows() {
    return rows;
  }

  /**
   * Counts the rows.
   *
   * @param total rows of the manifest
   * @param kept rows that an earlier run finished
   */
  public RowCounts counts(long total, long kept) {
    long ok = 0;
    Map<String, Long> failed = new TreeMap<>();
    Map<String, Long> flagged = new TreeMap<>();
    for (Row row :
        rows.groupBy(
                name(ResultColumn.STATUS),
                name(ResultColumn.ERROR_CLASS),
                name(ResultColumn.QUALITY))
            .count()
            .collectAsList()) {
      long count = row.<Long>getAs("count");
      String status = row.getAs(name(ResultColumn.STATUS));
      if (!status.equals(ResultStatus.OK.name())) {
        failed.merge(row.getAs(name(ResultColumn.ERROR_CLASS)), count, Long::sum);
        continue;
      }
      ok += count;
      String flag = row.getAs(name(ResultColumn.QUALITY));
      if (flag != null && !flag.equals(QualityFlag.OK.name())) {
        flagged.merge(flag, count, Long::sum);
      }
    }
    return new RowCounts(total, ok, kept, failed, flagged);
  }

  /** The failed rows. */
  public ResultsTable failed() {
    return new ResultsTable(
        rows.filter(col(name(ResultColumn.STATUS)).equalTo(ResultStatus.FAILED.name())));
  }

  /** The rows whose edited images are flagged. */
  public ResultsTable flagged() {
    return new ResultsTable(
        rows.filter(col(name(ResultColumn.QUALITY)).notEqual(QualityFlag.OK.name())));
  }

  /** The first rows, in manifest order. */
  public List<ShownResult> first(int limit) {
    return first(rows, limit, col(name(ResultColumn.ROW_INDEX)));
  }

  /** The first rows in an order. */
  static List<ShownResult> first(Dataset<Row> rows, int limit, Column... order) {
    Column[] columns = SHOWN.stream().map(column -> col(name(column))).toArray(Column[]::new);
    return rows.orderBy(order).limit(limit).select(columns).collectAsList().stream()
        .map(ResultsTable::shown)
        .toList();
  }

  /** All columns of the first rows, in manifest order, as JSON objects. A null is written. */
  public List<String> firstAsJson(int limit) {
    Column[] columns = Arrays.stream(rows.columns()).map(SqlColumns::of).toArray(Column[]::new);
    return rows.orderBy(col(name(ResultColumn.ROW_INDEX)))
        .limit(limit)
        .select(to_json(struct(columns), Map.of("ignoreNullFields", "false")))
        .as(Encoders.STRING())
        .collectAsList();
  }

  /** The columns of a result row that are shown to people. */
  static ShownResult shown(Row row) {
    boolean ok = ResultStatus.OK.name().equals(row.getAs(name(ResultColumn.STATUS)));
    return new ShownResult(
        row.getAs(name(ResultColumn.ID)),
        row.getAs(name(ResultColumn.PROMPT)),
        row.getList(row.fieldIndex(name(ResultColumn.IMAGE_PATHS))),
        row.getAs(name(ResultColumn.SEED)),
        row.<Double>getAs(name(ResultColumn.SECONDS)),
        ok
            ? null
            : new ShownResult.Failure(
                row.getAs(name(ResultColumn.ERROR_CLASS)), row.getAs(name(ResultColumn.ERROR))),
        ok
            ? new ShownResult.Edited(
                row.getAs(name(ResultColumn.OUTPUT_PATH)),
                row.<Integer>getAs(name(ResultColumn.WIDTH)),
                row.<Integer>getAs(name(ResultColumn.HEIGHT)))
            : null,
        verdict(row));
  }

  private static Verdict verdict(Row row) {
    String flag = row.getAs(name(ResultColumn.QUALITY));
    return flag == null
        ? null
        : new Verdict(
            QualityFlag.valueOf(flag),
            new QualityFigures(
                row.getAs(name(ResultColumn.CHANGED_FRACTION)),
                row.getAs(name(ResultColumn.SSIM)),
                row.getAs(name(ResultColumn.PSNR)),
                row.<Double>getAs(name(ResultColumn.FLATNESS))));
  }

  private static String name(ResultColumn column) {
    return column.column();
  }

  private static DataType type(ResultColumn.Type type) {
    return switch (type) {
      case LONG -> DataTypes.LongType;
      case INT -> DataTypes.IntegerType;
      case DOUBLE -> DataTypes.DoubleType;
      case TEXT -> DataTypes.StringType;
      case TEXT_LIST -> DataTypes.createArrayType(DataTypes.StringType);
    };
  }
}
