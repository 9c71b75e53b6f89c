package io.glmimage.spark.manifest;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.count;
import static org.apache.spark.sql.functions.from_json;
import static org.apache.spark.sql.functions.lit;

import io.glmimage.error.UsageException;
import io.glmimage.io.HadoopSettings;
import io.glmimage.io.Storage;
import io.glmimage.manifest.BatchColumn;
import io.glmimage.manifest.InternalColumns;
import io.glmimage.manifest.ManifestField;
import io.glmimage.manifest.ManifestFormat;
import io.glmimage.manifest.ManifestOptions;
import io.glmimage.manifest.TextRow;
import io.glmimage.manifest.TextRows;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.io.Serializable;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.util.TaskCompletionListener;

/**
 * Manifests of every format as tables. A text file is read by one task, from its start to its end,
 * so that messages can name lines and quoted values may hold line ends; rows that cannot be read
 * carry the reason in {@link ManifestSchema#PROBLEM}.
 */
final class ManifestFiles {
  private static final int SHOWN = 5;

  private ManifestFiles() {}

  /**
   * Reads a manifest that exists.
   *
   * @throws UsageException if it can be used in no case
   */
  static Dataset<Row> read(SparkSession spark, Storage storage, ManifestOptions options)
      throws IOException {
    String path = storage.qualified(options.path());
    ManifestFormat format = format(storage, options, path);
    if (format == ManifestFormat.PARQUET) {
      return LiteralPaths.parquet(spark, storage, path);
    }
    List<String> files = storage.filesIn(path);
    if (files.isEmpty()) {
      throw new UsageException("Cannot read manifest " + options.path() + ": it holds no files");
    }
    return switch (format) {
      case CSV -> csv(spark, storage, options, files);
      case JSONL -> jsonLines(spark, options, files);
      default -> batch(spark, options, files);
    };
  }

  /** How the manifest is read, for messages: " as Parquet". */
  static String formatName(ManifestOptions options) {
    ManifestFormat format = options.format();
    return format == null || format == ManifestFormat.PARQUET
        ? " as Parquet"
        : " as " + format.option();
  }

  /** The format that is asked for, or that the files tell. */
  static ManifestFormat format(Storage storage, ManifestOptions options, String path)
      throws IOException {
    if (options.format() != null) {
      return options.format();
    }
    String file = path;
    // A folder may be called rows.csv too: Spark writes such.
    if (storage.isFolder(path)) {
      List<String> files = storage.filesIn(path);
      file = files.isEmpty() ? path : files.get(0);
    }
    String first = "";
    if (ManifestFormat.isJsonLines(file)) {
      try (BufferedReader in = reader(storage, file)) {
        for (String line = in.readLine(); line != null && first.isBlank(); line = in.readLine()) {
          first = line;
        }
      }
    }
    return ManifestFormat.detect(file, first);
  }

  private static Dataset<Row> csv(
      SparkSession spark, Storage storage, ManifestOptions options, List<String> files)
      throws IOException {
    List<String> header = null;
    for (String file : files) {
      try (Reader in = reader(storage, file)) {
        List<String> names = TextRows.csvHeader(in, file);
        if (header != null && !header.equals(names)) {
          throw new UsageException(
              "Cannot read manifest "
                  + options.path()
                  + ": "
                  + file
                  + " has the columns "
                  + names
                  + ", "
                  + files.get(0)
                  + " has "
                  + header);
        }
        header = names;
      }
    }
    List<Target> targets = new ArrayList<>();
    for (String name : header) {
      ManifestField field =
          Arrays.stream(ManifestField.values())
              .filter(f -> options.columnOf(f).equalsIgnoreCase(name))
              .findFirst()
              .orElse(null);
      targets.add(
          field == null
              ? new Target(name, null, name, DataTypes.StringType)
              : Target.of(field, options));
    }
    return rows(spark, files, new Reading(ManifestFormat.CSV, options, targets))
        .drop(InternalColumns.FATAL);
  }

  private static Dataset<Row> jsonLines(
      SparkSession spark, ManifestOptions options, List<String> files) {
    // Spark finds out which fields there are and of which type those are that are passed through.
    JavaRDD<String> lines =
        text(spark, files, new Reading(ManifestFormat.JSONL, options, List.of()));
    StructType found =
        spark.read().json(spark.createDataset(lines.rdd(), Encoders.STRING())).schema();
    Set<String> names = new HashSet<>();
    List<Target> targets = new ArrayList<>();
    for (ManifestField field : ManifestField.values()) {
      if (Arrays.asList(found.fieldNames()).contains(options.columnOf(field))) {
        targets.add(Target.of(field, options));
        names.add(options.columnOf(field).toLowerCase(Locale.ROOT));
      }
    }
    List<StructField> others = new ArrayList<>();
    for (StructField field : found.fields()) {
      if (field.name().equals("_corrupt_record")
          || targets.stream().anyMatch(t -> t.column().equals(field.name()))) {
        continue;
      }
      if (!names.add(field.name().toLowerCase(Locale.ROOT))) {
        throw new UsageException(
            "Cannot use manifest "
                + options.path()
                + ": the field "
                + field.name()
                + " is also written with other capitals; write it in one way");
      }
      others.add(field);
    }
    targets.add(new Target(InternalColumns.JSON_LINE, null, "line", DataTypes.StringType));
    Dataset<Row> rows =
        rows(spark, files, new Reading(ManifestFormat.JSONL, options, targets))
            .drop(InternalColumns.FATAL);
    if (others.isEmpty()) {
      return rows.drop(InternalColumns.JSON_LINE);
    }
    Column parsed = from_json(col(InternalColumns.JSON_LINE), DataTypes.createStructType(others));
    rows = rows.withColumn(InternalColumns.JSON_LINE, parsed);
    List<Column> columns = new ArrayList<>();
    for (String name : rows.columns()) {
      if (!name.equals(InternalColumns.JSON_LINE)) {
        columns.add(col("`" + name + "`"));
      }
    }
    for (StructField other : others) {
      columns.add(col(InternalColumns.JSON_LINE).getField(other.name()).as(other.name()));
    }
    return rows.select(columns.toArray(Column[]::new));
  }

  /** Refuses what the API refuses as a whole: wrong lines, repeated ids, several addresses. */
  private static Dataset<Row> batch(
      SparkSession spark, ManifestOptions options, List<String> files) {
    if (!options.columns().isEmpty()) {
      throw new UsageException("Invalid --columns: an OpenAI batch has names of its own");
    }
    List<Target> targets = new ArrayList<>();
    for (ManifestField field : ManifestField.values()) {
      targets.add(Target.of(field, options));
    }
    for (BatchColumn column : BatchColumn.values()) {
      targets.add(
          new Target(
              column.column(),
              null,
              column.column(),
              column.isNumber() ? DataTypes.LongType : DataTypes.StringType));
    }
    Dataset<Row> rows =
        rows(spark, files, new Reading(ManifestFormat.OPENAI_BATCH, options, targets));
    List<String> problems = new ArrayList<>();
    for (Row row :
        rows.filter(col(InternalColumns.FATAL).isNotNull())
            .select(InternalColumns.FATAL)
            .limit(SHOWN)
            .collectAsList()) {
      problems.add(row.getString(0));
    }
    String id = BatchColumn.CUSTOM_ID.column();
    Dataset<Row> lines = rows.filter(col(BatchColumn.PICTURE.column()).equalTo(1));
    for (Row row :
        lines
            .filter(col(id).isNotNull())
            .groupBy(id)
            .agg(count(lit(1)).as("lines"))
            .filter(col("lines").gt(1))
            .orderBy(id)
            .limit(SHOWN)
            .collectAsList()) {
      problems.add("custom_id " + row.getString(0) + " is on " + row.getLong(1) + " lines");
    }
    List<Row> urls =
        lines
            .select(BatchColumn.URL.column())
            .filter(col(BatchColumn.URL.column()).isNotNull())
            .distinct()
            .collectAsList();
    if (urls.size() > 1) {
      problems.add("its lines go to different urls (make a batch for each)");
    }
    if (!problems.isEmpty()) {
      throw new UsageException(
          "Cannot use batch " + options.path() + ": " + String.join("; ", problems));
    }
    return rows.drop(InternalColumns.FATAL);
  }

  private static Dataset<Row> rows(SparkSession spark, List<String> files, Reading reading) {
    HadoopSettings hadoop = new HadoopSettings(spark.sparkContext().hadoopConfiguration());
    JavaRDD<Row> rows =
        paths(spark, files)
            .flatMap(
                file -> {
                  Iterator<TextRow> texts = open(hadoop, file, reading);
                  return new Iterator<Row>() {
                    @Override
                    public boolean hasNext() {
                      return texts.hasNext();
                    }

                    @Override
                    public Row next() {
                      return reading.row(texts.next());
                    }
                  };
                });
    return spark.createDataFrame(rows, reading.schema());
  }

  private static JavaRDD<String> text(SparkSession spark, List<String> files, Reading reading) {
    HadoopSettings hadoop = new HadoopSettings(spark.sparkContext().hadoopConfiguration());
    return paths(spark, files)
        .flatMap(
            file -> {
              Iterator<TextRow> texts = open(hadoop, file, reading);
              return new Iterator<String>() {
                @Override
                public boolean hasNext() {
                  return texts.hasNext();
                }

                @Override
                public String next() {
                  return (String) texts.next().other("line");
                }
              };
            });
  }

  private static JavaRDD<String> paths(SparkSession spark, List<String> files) {
    return JavaSparkContext.fromSparkContext(spark.sparkContext()).parallelize(files, files.size());
  }

  private static TextRows open(HadoopSettings hadoop, String file, Reading reading)
      throws IOException {
    Reader in = reader(hadoop.storage(), file);
    TaskContext.get().addTaskCompletionListener((TaskCompletionListener) context -> close(in));
    return TextRows.open(reading.format(), in, file, reading.options());
  }

  private static void close(Reader in) {
    try {
      in.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static BufferedReader reader(Storage storage, String file) throws IOException {
    return new BufferedReader(
        new InputStreamReader(storage.open(file), StandardCharsets.UTF_8), 1 << 16);
  }

  /**
   * A column of the table.
   *
   * @param field what it is, or null for others
   * @param other its name in the text row if it is no field
   */
  private record Target(String column, ManifestField field, String other, DataType type)
      implements Serializable {
    static Target of(ManifestField field, ManifestOptions options) {
      DataType type =
          switch (field) {
            case PROMPT, ID -> DataTypes.StringType;
            case IMAGE_PATHS -> DataTypes.createArrayType(DataTypes.StringType);
            case GUIDANCE_SCALE -> DataTypes.DoubleType;
            default -> DataTypes.LongType;
          };
      return new Target(options.columnOf(field), field, null, type);
    }
  }

  /** How text rows become rows of the table. */
  private record Reading(ManifestFormat format, ManifestOptions options, List<Target> targets)
      implements Serializable {
    Reading {
      targets = Collections.unmodifiableList(new ArrayList<>(targets));
    }

    StructType schema() {
      StructType schema = new StructType();
      for (Target target : targets) {
        schema = schema.add(target.column(), target.type());
      }
      return schema
          .add(InternalColumns.PROBLEM, DataTypes.StringType)
          .add(InternalColumns.FATAL, DataTypes.StringType);
    }

    Row row(TextRow text) {
      Object[] values = new Object[targets.size() + 2];
      for (int i = 0; i < targets.size(); i++) {
        Target target = targets.get(i);
        Object value =
            target.field() == null ? text.other(target.other()) : text.value(target.field());
        values[i] = value instanceof List<?> list ? list.toArray(new String[0]) : value;
      }
      values[targets.size()] = text.problem();
      values[targets.size() + 1] = text.fatal();
      return RowFactory.create(values);
    }
  }
}
