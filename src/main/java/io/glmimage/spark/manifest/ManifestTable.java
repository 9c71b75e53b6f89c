package io.glmimage.spark.manifest;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.concat;
import static org.apache.spark.sql.functions.count;
import static org.apache.spark.sql.functions.least;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.max;
import static org.apache.spark.sql.functions.row_number;
import static org.apache.spark.sql.functions.struct;
import static org.apache.spark.sql.functions.sum;
import static org.apache.spark.sql.functions.udf;
import static org.apache.spark.sql.functions.when;
import static org.apache.spark.sql.functions.xxhash64;

import io.glmimage.error.Causes;
import io.glmimage.error.UsageException;
import io.glmimage.io.Storage;
import io.glmimage.io.StoredFile;
import io.glmimage.manifest.ColumnKind;
import io.glmimage.manifest.EditDefaults;
import io.glmimage.manifest.ManifestColumn;
import io.glmimage.manifest.ManifestField;
import io.glmimage.manifest.ManifestOptions;
import io.glmimage.manifest.ManifestRow;
import io.glmimage.manifest.ManifestSchema;
import io.glmimage.manifest.RowFingerprint;
import io.glmimage.manifest.RowOutcome;
import io.glmimage.manifest.RowReader;
import io.glmimage.output.ResultColumn;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.api.java.UDF3;
import org.apache.spark.sql.expressions.UserDefinedFunction;
import org.apache.spark.sql.expressions.Window;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.ByteType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.DecimalType;
import org.apache.spark.sql.types.DoubleType;
import org.apache.spark.sql.types.FloatType;
import org.apache.spark.sql.types.IntegerType;
import org.apache.spark.sql.types.LongType;
import org.apache.spark.sql.types.ShortType;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/** A manifest as a Spark table whose schema has been checked. */
public final class ManifestTable {
  /** Index, key, whether the row names itself. */
  private static final int KEY_COLUMNS = 3;

  static final String INDEX = "__glm_image_index";
  private static final String KEY = "__glm_image_key";
  private static final String NAMED = "__glm_image_named";
  private static final String COPY = "__glm_image_copy";
  public static final String ID = "__glm_image_id";
  static final String FINGERPRINT = "__glm_image_fingerprint";
  public static final String BUCKET = "__glm_image_bucket";
  private static final String MADE = "__glm_image_made";
  static final String FIELDS = "__glm_image_fields";
  private static final String LINE = "__glm_image_line";
  private static final int SHOWN_DUPLICATES = 5;
  private static final int SOURCES_DIGITS = 3;

  private final ManifestOptions options;
  private final StructType schema;
  private final RowReader reader;
  private final Dataset<Row> keyed;
  private final String source;

  /** Whether rows share a name made of their content; unknown until they are counted. */
  private boolean numbered = true;

  private ManifestTable(
      ManifestOptions options,
      StructType schema,
      RowReader reader,
      Dataset<Row> keyed,
      String source) {
    this.options = options;
    this.schema = schema;
    this.reader = reader;
    this.keyed = keyed;
    this.source = source;
  }

  /**
   * Opens the manifest and checks its columns.
   *
   * @throws UsageException if it is missing, no Parquet, or its columns are not as they should be
   */
  public static ManifestTable open(
      SparkSession spark, Storage storage, ManifestOptions options, EditDefaults defaults) {
    String folder;
    String source;
    Dataset<Row> rows;
    try {
      if (!storage.exists(options.path())) {
        throw new UsageException(
            "Cannot read manifest " + options.path() + ": there is no such file or folder");
      }
      folder = storage.parent(options.path());
      source = source(storage, options);
      rows = ManifestFiles.read(spark, storage, options);
    } catch (IOException e) {
      throw new UsageException("Cannot read manifest " + options.path() + ": " + e.getMessage(), e);
    } catch (UsageException e) {
      throw e;
    } catch (Exception e) {
      // Spark throws checked exceptions that it does not declare.
      throw new UsageException(
          "Cannot read manifest "
              + options.path()
              + ManifestFiles.formatName(options)
              + ": "
              + Causes.firstLine(Causes.root(e)),
          e);
    }
    List<ManifestColumn> columns =
        Arrays.stream(rows.schema().fields())
            .map(f -> new ManifestColumn(f.name(), kind(f.dataType()), f.dataType().simpleString()))
            .toList();
    ManifestSchema schema = ManifestSchema.bind(columns, options, ResultColumn.names());
    RowReader reader = new RowReader(schema, defaults, folder);
    return new ManifestTable(options, rows.schema(), reader, keyed(spark, rows, reader), source);
  }

  public RowReader reader() {
    return reader;
  }

  /** Tells this manifest, as it was when it was opened, and how it is read from all others. */
  public String source() {
    return source;
  }

  private static String source(Storage storage, ManifestOptions options) throws IOException {
    String path = storage.qualified(options.path());
    StringBuilder text = new StringBuilder();
    text.append(new TreeMap<>(options.columns())).append(options.dropped());
    text.append(options.format()).append('\n');
    List<StoredFile> files =
        storage.isFolder(path) ? storage.files(path) : List.of(storage.stat(path));
    for (StoredFile file : files) {
      text.append(file.path()).append(' ').append(file.version()).append('\n');
    }
    return text.toString();
  }

  /**
   * Counts the rows.
   *
   * @throws UsageException if two rows have the same id
   */
  public long countRows() {
    // Of millions of keys the hashes are much less to hold; nearly always no two are equal.
    Row hashes =
        keyed
            .groupBy(xxhash64(col(KEY)).as("hash"))
            .agg(count(lit(1)).as("n"))
            .agg(sum(col("n")), max(col("n")))
            .head();
    if (hashes.isNullAt(0) || hashes.getLong(1) == 1) {
      numbered = false;
      return hashes.isNullAt(0) ? 0 : hashes.getLong(0);
    }
    // Only the keys are shuffled here, and nothing is sorted.
    Dataset<Row> names =
        keyed
            .groupBy(col(KEY))
            .agg(count(lit(1)).as("n"), sum(col(NAMED).cast(DataTypes.LongType)).as("named"));
    Column again = col("n").minus(1);
    // A row that names itself must share its name with no other.
    Column clash = col("n").gt(1).and(col("named").gt(0));
    Row counts =
        names
            .agg(
                sum(col("n")),
                sum(when(clash, least(again, col("named"))).otherwise(0)),
                sum(when(clash, 0).otherwise(again)))
            .head();
    long repeated = counts.isNullAt(1) ? 0 : counts.getLong(1);
    if (repeated > 0) {
      List<String> examples = new ArrayList<>();
      for (Row row :
          names
              .filter(clash)
              .select(col(KEY))
              .orderBy(col(KEY))
              .limit(SHOWN_DUPLICATES)
              .collectAsList()) {
        examples.add(row.getString(0));
      }
      throw new UsageException(
          "Cannot use manifest "
              + options.path()
              + ": "
              + repeated
              + " rows have the id of an earlier row ("
              + String.join(", ", examples)
              + (repeated > examples.size() ? ", ..." : "")
              + "); ids name the pictures, so make them unique");
    }
    numbered = !counts.isNullAt(2) && counts.getLong(2) > 0;
    return counts.isNullAt(0) ? 0 : counts.getLong(0);
  }

  /**
   * What is asked for: index, id, fingerprint, a struct of the manifest's columns in which all that
   * are not fields, nor say why a row could not be read, are null, and the row's bucket: rows of
   * one bucket make batches that the model can run as one.
   *
   * @param model digest of the model
   */
  public Dataset<Row> rows(String model) {
    return identified(model)
        .select(col(INDEX), col(ID), col(FINGERPRINT), col(FIELDS), col(BUCKET));
  }

  /**
   * The result table: each row's line and the passed-through columns, for the rows that have a line
   * of their present fingerprint.
   *
   * @param lines the newest line of each id
   * @param model digest of the model
   */
  public Dataset<Row> table(Dataset<Row> lines, String model) {
    List<Column> columns = new ArrayList<>();
    for (ResultColumn column : ResultColumn.values()) {
      // The manifest may have been reordered since the line was made.
      columns.add(
          column == ResultColumn.ROW_INDEX
              ? col(INDEX).as(column.column())
              : col(LINE + "." + column.column()).as(column.column()));
    }
    for (StructField field : passedThrough().fields()) {
      columns.add(quoted(field.name()));
    }
    return withLines(identified(model), lines)
        .filter(col(LINE + "." + ResultColumn.FINGERPRINT.column()).equalTo(col(FINGERPRINT)))
        .select(columns.toArray(Column[]::new));
  }

  /**
   * A manifest of some of the rows that gives the same pictures wherever it lies: with ids, and
   * with whole image paths.
   *
   * @param ids a column of ids
   * @param files in how many
   */
  public Dataset<Row> manifestOf(Dataset<Row> ids, String model, int files) {
    RowReader rowReader = reader;
    int idPosition = reader.schema().position(ManifestField.ID);
    int pathsPosition = reader.schema().position(ManifestField.IMAGE_PATHS);
    UserDefinedFunction resolved =
        udf(
            (UDF1<Row, String[]>)
                fields ->
                    rowReader
                        .sources(values(fields, fields.size(), rowReader.schema()))
                        .toArray(String[]::new),
            DataTypes.createArrayType(DataTypes.StringType));
    List<Column> columns = new ArrayList<>();
    StructField[] fields = schema.fields();
    for (int i = 0; i < fields.length; i++) {
      Column column = quoted(fields[i].name());
      if (i == idPosition) {
        column = col(ID);
      } else if (i == pathsPosition) {
        column = resolved.apply(col(FIELDS));
      }
      columns.add(column.as(fields[i].name()));
    }
    if (idPosition < 0) {
      columns.add(col(ID).as(ManifestField.ID.column()));
    }
    String id = ids.columns()[0];
    return identified(model)
        .join(ids.select(col(id).as(LINE)), col(ID).equalTo(col(LINE)), "left_semi")
        .repartitionByRange(files, col(INDEX))
        .sortWithinPartitions(col(INDEX))
        .select(columns.toArray(Column[]::new));
  }

  /**
   * {@link #rows} with the line of each: its columns in a struct, null where there is none.
   *
   * @param lines the newest line of each id
   */
  public Dataset<Row> withLines(Dataset<Row> rows, Dataset<Row> lines) {
    return rows.join(
        lines.select(col(ResultColumn.ID.column()).as(LINE + "_id"), struct(col("*")).as(LINE)),
        col(ID).equalTo(col(LINE + "_id")),
        "left");
  }

  /** A column of the struct that {@link #withLines} adds. */
  public static Column line(ResultColumn column) {
    return col(LINE + "." + column.column());
  }

  private Dataset<Row> identified(String model) {
    RowReader rowReader = reader;
    // Both at once: reading a row is most of the work.
    UserDefinedFunction made =
        udf(
            (UDF3<Row, Long, String, Row>)
                (fields, index, id) -> {
                  RowOutcome row =
                      rowReader.read(index, id, values(fields, fields.size(), rowReader.schema()));
                  return RowFactory.create(RowFingerprint.of(row, model), bucket(row));
                },
            new StructType()
                .add(FINGERPRINT, DataTypes.StringType)
                .add(BUCKET, DataTypes.StringType));
    List<Column> fields = new ArrayList<>();
    for (int i = 0; i < schema.fields().length; i++) {
      boolean used = schema.fields()[i].name().equals(ManifestSchema.PROBLEM);
      for (ManifestField field : ManifestField.values()) {
        used |= reader.schema().position(field) == i;
      }
      Column column = used ? quoted(schema.fields()[i].name()) : lit(null).cast("string");
      fields.add(column.as("c" + i));
    }
    return copies()
        .withColumn(
            ID,
            when(col(COPY).equalTo(1), col(KEY)).otherwise(concat(col(KEY), lit("-"), col(COPY))))
        .withColumn(FIELDS, struct(fields.toArray(Column[]::new)))
        .withColumn(MADE, made.apply(col(FIELDS), col(INDEX), col(ID)))
        .withColumn(FINGERPRINT, col(MADE).getField(FINGERPRINT))
        .withColumn(BUCKET, col(MADE).getField(BUCKET));
  }

  /** Sorts by the number of sources first. */
  private static String bucket(RowOutcome row) {
    if (!(row instanceof ManifestRow valid)) {
      return "";
    }
    String sources = Integer.toString(valid.sources().size());
    return "0".repeat(Math.max(0, SOURCES_DIGITS - sources.length()))
        + sources
        + " "
        + valid.height()
        + " "
        + valid.width()
        + " "
        + valid.steps()
        + " "
        + (valid.guidanceScale() > 1);
  }

  private static Column quoted(String name) {
    return col("`" + name.replace("`", "``") + "`");
  }

  /** The rows with their keys, and which copy of its key each is. */
  private Dataset<Row> copies() {
    if (!numbered) {
      return keyed.withColumn(COPY, lit(1));
    }
    // Equal rows are numbered in the manifest's order, which does not depend on partitions.
    return keyed.withColumn(
        COPY, row_number().over(Window.partitionBy(col(KEY)).orderBy(col(INDEX))));
  }

  /** The columns that go to the result table as they are. */
  public StructType passedThrough() {
    StructField[] fields = schema.fields();
    return DataTypes.createStructType(
        Arrays.stream(reader.schema().passedThrough()).mapToObj(i -> fields[i]).toList());
  }

  /** The manifest's own values of a keyed row, with the image paths as text or list. */
  public static Object[] values(Row row, int columns, ManifestSchema schema) {
    Object[] values = new Object[columns];
    for (int i = 0; i < columns; i++) {
      values[i] = row.get(i);
    }
    int paths = schema.position(ManifestField.IMAGE_PATHS);
    if (values[paths] != null && !(values[paths] instanceof String)) {
      values[paths] = row.getList(paths);
    }
    return values;
  }

  private static Dataset<Row> keyed(SparkSession spark, Dataset<Row> rows, RowReader reader) {
    StructType keyedSchema =
        rows.schema()
            .add(INDEX, DataTypes.LongType, false)
            .add(KEY, DataTypes.StringType, false)
            .add(NAMED, DataTypes.BooleanType, false);
    JavaRDD<Row> withKeys =
        rows.javaRDD()
            .zipWithIndex()
            .map(
                pair -> {
                  Row row = pair._1();
                  int columns = row.size();
                  Object[] values = values(row, columns, reader.schema());
                  Object[] all = new Object[columns + KEY_COLUMNS];
                  for (int i = 0; i < columns; i++) {
                    all[i] = row.get(i);
                  }
                  all[columns] = pair._2();
                  all[columns + 1] = reader.key(values);
                  all[columns + 2] = reader.namesItself(values);
                  return RowFactory.create(all);
                });
    return spark.createDataFrame(withKeys, keyedSchema);
  }

  private static ColumnKind kind(DataType type) {
    if (type instanceof StringType) {
      return ColumnKind.TEXT;
    }
    if (type instanceof ArrayType array && array.elementType() instanceof StringType) {
      return ColumnKind.TEXT_LIST;
    }
    if (type instanceof ByteType
        || type instanceof ShortType
        || type instanceof IntegerType
        || type instanceof LongType) {
      return ColumnKind.INTEGER;
    }
    if (type instanceof DecimalType) {
      return ColumnKind.DECIMAL;
    }
    return type instanceof FloatType || type instanceof DoubleType
        ? ColumnKind.FLOATING
        : ColumnKind.OTHER;
  }
}
