package io.glmimage.spark.manifest;

import io.glmimage.error.Causes;
import io.glmimage.error.UsageException;
import io.glmimage.io.Retries;
import io.glmimage.io.Storage;
import io.glmimage.io.StoredFile;
import io.glmimage.manifest.ColumnKind;
import io.glmimage.manifest.EditDefaults;
import io.glmimage.manifest.InternalColumns;
import io.glmimage.manifest.ManifestColumn;
import io.glmimage.manifest.ManifestField;
import io.glmimage.manifest.ManifestOptions;
import io.glmimage.manifest.ManifestSchema;
import io.glmimage.manifest.NearMisses;
import io.glmimage.manifest.RowReader;
import io.glmimage.output.ResultColumn;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
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

/** A manifest as a Spark table, with checked columns. Its rows are not checked yet. */
public final class ManifestTable {
  private final String path;
  private final String folder;
  private final Dataset<Row> rows;
  private final ManifestSchema schema;
  private final RowReader reader;
  private final String source;
  private final List<String> warnings;

  private ManifestTable(
      String path,
      String folder,
      Dataset<Row> rows,
      ManifestSchema schema,
      RowReader reader,
      String source,
      List<String> warnings) {
    this.path = path;
    this.folder = folder;
    this.rows = rows;
    this.schema = schema;
    this.reader = reader;
    this.source = source;
    this.warnings = warnings;
  }

  /**
   * Opens the manifest and checks its columns.
   *
   * @throws UsageException if the manifest does not exist, cannot be read, or has wrong columns
   */
  public static ManifestTable open(
      SparkSession spark, Storage storage, ManifestOptions given, EditDefaults defaults) {
    List<String> warnings = new ArrayList<>();
    Input input = input(spark, storage, given, warnings);
    ManifestOptions options = input.options();
    Dataset<Row> rows = InlineImages.asTexts(input.rows(), options);
    List<String> names = List.of(rows.columns());
    rows = withMisspeltPaths(rows, names, options);
    List<ManifestColumn> columns =
        Arrays.stream(rows.schema().fields())
            .map(f -> new ManifestColumn(f.name(), kind(f.dataType()), f.dataType().simpleString()))
            .toList();
    ManifestSchema schema = ManifestSchema.bind(columns, options, ResultColumn.names());
    warnings.addAll(NearMisses.warnings(names, options));
    checkNestedNames(rows.schema(), schema, options);
    return new ManifestTable(
        options.path(),
        input.folder(),
        rows,
        schema,
        new RowReader(defaults, input.folder()),
        input.source(),
        List.copyOf(warnings));
  }

  /** Refuses columns that Spark reads from a table, but cannot write. */
  private static void checkNestedNames(
      StructType columns, ManifestSchema schema, ManifestOptions options) {
    for (int position : schema.passedThrough()) {
      StructField column = columns.fields()[position];
      String alike = NestedNames.alike(column.name(), column.dataType());
      if (alike != null) {
        throw new UsageException(
            "Cannot use manifest "
                + options.path()
                + ": column "
                + column.name()
                + " has names that differ only in case: "
                + alike
                + " (rename one of them, or leave the column out with --drop-columns "
                + column.name()
                + ")");
      }
    }
  }

  /**
   * What a manifest is read from.
   *
   * @param folder the folder of relative paths; null if there is none
   * @param source identifies the rows, as the manifest is now
   */
  private record Input(Dataset<Row> rows, String folder, String source, ManifestOptions options) {}

  private static Input input(
      SparkSession spark, Storage storage, ManifestOptions options, List<String> warnings) {
    try {
      Input input =
          options.isTable() ? ofTable(spark, options) : ofFiles(spark, storage, options, warnings);
      if (ResultManifest.is(input.rows())) {
        ResultManifest results = ResultManifest.of(storage, input.rows(), input.options());
        warnings.add(results.note());
        input = new Input(results.rows(), results.folder(), input.source(), results.options());
      }
      String images = options.imageFolder();
      if (images == null) {
        return input;
      }
      String folder = storage.qualified(images);
      if (!storage.exists(folder)) {
        throw new UsageException(
            "Cannot read images from --image-folder " + images + ": there is no such folder");
      }
      return new Input(input.rows(), folder, input.source(), input.options());
    } catch (IOException e) {
      String why = Retries.why(e, options.path(), options.imageFolder());
      throw new UsageException(
          why.startsWith("Cannot read ")
              ? why
              : "Cannot read manifest " + options.path() + ": " + why,
          e);
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
  }

  private static Input ofTable(SparkSession spark, ManifestOptions options) {
    TableManifest table = TableManifest.open(spark, options);
    return new Input(
        table.rows(), null, columns(options) + options.path() + ' ' + table.version(), options);
  }

  private static Input ofFiles(
      SparkSession spark, Storage storage, ManifestOptions given, List<String> warnings)
      throws IOException {
    if (!storage.exists(given.path())) {
      ForeignFiles.checkLinks(storage, storage.qualified(given.path()), false, given.path());
      throw new UsageException(
          "Cannot read manifest " + given.path() + ": there is no such file or folder");
    }
    ManifestOptions options = given.withPath(ResultManifest.path(storage, given.path()));
    return new Input(
        ManifestFiles.read(new ManifestSource(spark, storage, options, warnings::add)),
        storage.parent(options.path()),
        source(storage, options),
        options);
  }

  /** What the user should know about the columns. */
  public List<String> warnings() {
    return warnings;
  }

  /**
   * Fails rows without source images whose paths are in a column with another name. Without this
   * they would become text-to-image rows.
   */
  private static Dataset<Row> withMisspeltPaths(
      Dataset<Row> rows, List<String> names, ManifestOptions options) {
    String paths =
        names.stream()
            .filter(options.columnOf(ManifestField.IMAGE_PATHS)::equalsIgnoreCase)
            .findFirst()
            .orElse(null);
    if (paths == null) {
      return rows;
    }
    StructType schema = rows.schema();
    Column problem =
        names.contains(InternalColumns.PROBLEM)
            ? functions.col(InternalColumns.PROBLEM)
            : functions.lit(null).cast(DataTypes.StringType);
    boolean found = false;
    for (String name : NearMisses.of(ManifestField.IMAGE_PATHS, names, options)) {
      ColumnKind kind = kind(schema.apply(name).dataType());
      if (kind == ColumnKind.TEXT || kind == ColumnKind.TEXT_LIST) {
        found = true;
        String why =
            "its "
                + paths
                + " is empty, but the column "
                + name
                + " has a value (rename "
                + name
                + " to "
                + paths
                + "; if the row has no source image, give "
                + name
                + " another name, or leave it out with --drop-columns "
                + name
                + ")";
        Column misspelt = isEmpty(schema, paths).and(functions.not(isEmpty(schema, name)));
        if (kind == ColumnKind.TEXT && NearMisses.mayBeLabel(name)) {
          misspelt = misspelt.and(isImage(SqlColumns.of(name)));
        }
        problem = functions.coalesce(problem, functions.when(misspelt, functions.lit(why)));
      }
    }
    return found ? rows.withColumn(InternalColumns.PROBLEM, problem) : rows;
  }

  private static Column isEmpty(StructType schema, String name) {
    Column value = SqlColumns.of(name);
    DataType type = schema.apply(name).dataType();
    if (InlineImages.is(type) && !(type instanceof ArrayType)) {
      return value.isNull();
    }
    Column empty =
        type instanceof ArrayType
            ? functions.size(value).leq(0)
            : functions.not(isVisible(value.cast(DataTypes.StringType)));
    return value.isNull().or(empty);
  }

  /** Whether a text looks like the path of an image: it has a folder, a scheme or an ending. */
  private static Column isImage(Column text) {
    return text.rlike("[/\\\\]|(?i)^\\s*data:|\\.[A-Za-z]{3,4}\\s*$");
  }

  /** Whether a text has more than white space of any kind. */
  static Column isVisible(Column text) {
    return text.rlike("[^\\s\\p{Z}]");
  }

  /** The name of the column that holds a field. */
  String columnOf(ManifestField field) {
    int position = schema.position(field);
    return position < 0 ? field.column() : rows.columns()[position];
  }

  /** The defaults and limits of the rows. */
  public EditDefaults defaults() {
    return reader.defaults();
  }

  /** Identifies the content of the manifest when it was opened, and how its columns are read. */
  public String source() {
    return source;
  }

  /** How the columns are read. */
  private static String columns(ManifestOptions options) {
    return new TreeMap<>(options.columns())
        + ""
        + options.dropped()
        + options.resultRows()
        + options.format()
        + options.delimiter()
        + '\n';
  }

  private static String source(Storage storage, ManifestOptions options) throws IOException {
    String path = storage.qualified(options.path());
    StringBuilder text = new StringBuilder(columns(options));
    List<StoredFile> files =
        storage.isFolder(path) ? storage.files(path) : List.of(storage.stat(path));
    for (StoredFile file : files) {
      text.append(file.path()).append(' ').append(file.version()).append('\n');
    }
    return text.toString();
  }

  /**
   * Counts the rows and gives each an id.
   *
   * @throws UsageException if two rows have the same id
   */
  public IdentifiedRows identify() {
    return IdentifiedRows.of(this);
  }

  /** Base of relative image paths; null if they cannot be read. */
  public String folder() {
    return folder;
  }

  /** The path that the user gave. */
  String path() {
    return path;
  }

  /** The columns of the manifest. */
  Dataset<Row> rows() {
    return rows;
  }

  /** The positions of the fields among the columns. */
  ManifestSchema schema() {
    return schema;
  }

  RowReader reader() {
    return reader;
  }

  /** The columns that pass through to the result table. */
  public StructType passedThrough() {
    StructField[] columns = rows.schema().fields();
    return DataTypes.createStructType(
        Arrays.stream(schema.passedThrough()).mapToObj(i -> columns[i]).toList());
  }

  private static ColumnKind kind(DataType type) {
    if (type instanceof StringType) {
      return ColumnKind.TEXT;
    }
    if (type instanceof ArrayType array && array.elementType() instanceof StringType) {
      return ColumnKind.TEXT_LIST;
    }
    if (InlineImages.is(type)) {
      // As it would be read if it were the column of source images.
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
