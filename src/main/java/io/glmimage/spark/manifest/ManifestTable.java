package io.glmimage.spark.manifest;

import io.glmimage.error.Causes;
import io.glmimage.error.UsageException;
import io.glmimage.io.Storage;
import io.glmimage.io.StoredFile;
import io.glmimage.manifest.ColumnKind;
import io.glmimage.manifest.EditDefaults;
import io.glmimage.manifest.ManifestColumn;
import io.glmimage.manifest.ManifestOptions;
import io.glmimage.manifest.ManifestSchema;
import io.glmimage.manifest.RowReader;
import io.glmimage.output.ResultColumn;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
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
  private final ManifestOptions options;
  private final StructType schema;
  private final RowReader reader;
  private final Dataset<Row> rows;
  private final String source;

  private ManifestTable(
      ManifestOptions options,
      StructType schema,
      RowReader reader,
      Dataset<Row> rows,
      String source) {
    this.options = options;
    this.schema = schema;
    this.reader = reader;
    this.rows = rows;
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
    return new ManifestTable(options, rows.schema(), reader, rows, source);
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
   * Counts and names the rows.
   *
   * @throws UsageException if two rows have the same id
   */
  public IdentifiedRows identify() {
    return IdentifiedRows.of(this, rows);
  }

  String path() {
    return options.path();
  }

  /** All columns. */
  StructType schema() {
    return schema;
  }

  /** The columns that go to the result table as they are. */
  public StructType passedThrough() {
    StructField[] fields = schema.fields();
    return DataTypes.createStructType(
        Arrays.stream(reader.schema().passedThrough()).mapToObj(i -> fields[i]).toList());
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
