package io.glmimage.spark.manifest;

import static org.apache.spark.sql.functions.array;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.when;

import io.glmimage.error.UsageException;
import io.glmimage.io.StoredFile;
import io.glmimage.manifest.InternalColumns;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.DataFrameReader;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.catalog.ExternalCatalogUtils;
import org.apache.spark.sql.execution.datasources.parquet.ParquetToSparkSchemaConverter;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.DecimalType;
import org.apache.spark.sql.types.DoubleType;
import org.apache.spark.sql.types.FloatType;
import org.apache.spark.sql.types.LongType;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.sql.types.StructType;
import scala.Option;

/**
 * Parquet manifests. The footers of all files are read first. Files with the same columns are read
 * together, with exactly the types that the files have. They are then cast to the types of the
 * {@link ParquetColumns}. No result depends on which file is opened first.
 */
final class ParquetManifest implements FormatReader {
  /** More combinations of columns make Spark's plans too large. */
  private static final int MOST_GROUPS = 200;

  private static final String PARTITION_MARK = "=";

  /** Least number of partitions into which Spark divides files. */
  private static final String PARTITIONS = "spark.sql.files.minPartitionNum";

  /** Reads nanoseconds, which do not fit into Spark's timestamps, as whole numbers. */
  private static final String NANOSECONDS = "spark.sql.legacy.parquet.nanosAsLong";

  /** Off by default: Spark knows the type, but refuses to read it. */
  private static final String TIMES = "spark.sql.timeType.enabled";

  private static final DecimalType WHOLE_NUMBER = DataTypes.createDecimalType(38, 0);

  private static final String PARALLELISM = "spark.sql.leafNodeDefaultParallelism";

  /** Files that are read together: they have the same columns and the same partition folders. */
  private record Group(List<ParquetFooter.Column> columns, List<String> partitions) {}

  @Override
  public Dataset<Row> read(ManifestSource source) throws IOException {
    keepPartitions(source.spark());
    // 1. Find the files, and read their footers.
    String root = source.path();
    boolean folder = source.storage().isFolder(root);
    List<StoredFile> files = folder ? visible(source, root) : List.of(source.storage().stat(root));
    List<ParquetFooter> footers = footers(source, root, files);

    readNanoseconds(source.spark(), footers);

    // 2. Choose the type of each column.
    Map<Group, List<String>> groups = new LinkedHashMap<>();
    ParquetColumns columns = new ParquetColumns(source.options());
    for (ParquetFooter footer : footers) {
      String name = nameIn(root, footer.file());
      List<ParquetColumns.Partition> folders = folder ? partitions(name, source) : List.of();
      columns.add(name, footer, folders);
      List<String> partitions = folders.stream().map(ParquetColumns.Partition::name).toList();
      groups
          .computeIfAbsent(new Group(footer.columns(), partitions), key -> new ArrayList<>())
          .add(footer.file());
    }
    List<ParquetColumns.Target> targets = columns.targets();
    checkNames(targets, source);
    columns.nanoseconds().forEach(name -> warnOfNanoseconds(name, source));
    checkNumber(groups.size(), source);

    // 3. Read each group with the types of its files.
    Dataset<Row> rows = null;
    for (Map.Entry<Group, List<String>> group : groups.entrySet()) {
      Dataset<Row> some =
          read(source, folder ? root : null, group.getKey(), group.getValue(), targets);
      rows = rows == null ? some : rows.union(some);
    }
    return rows;
  }

  /** Only if a file has them, because Spark RAPIDS reads nothing on the GPU with this setting. */
  private static void readNanoseconds(SparkSession spark, List<ParquetFooter> footers) {
    if (footers.stream()
        .flatMap(footer -> footer.columns().stream())
        .anyMatch(ParquetFooter.Column::anyNanoseconds)) {
      spark.conf().set(NANOSECONDS, "true");
    }
  }

  /** The path of a file of the manifest, relative to its folder. */
  private static String nameIn(String root, String file) {
    return file.startsWith(root + "/")
        ? file.substring(root.length() + 1)
        : file.substring(file.lastIndexOf('/') + 1);
  }

  private static void checkNames(List<ParquetColumns.Target> targets, ManifestSource source) {
    InternalColumns.check(
        targets.stream()
            .map(ParquetColumns.Target::name)
            // A manifest of failed rows keeps the problems of lines that could not be read.
            .filter(name -> !name.equals(InternalColumns.PROBLEM))
            .toList(),
        source.options().path());
  }

  private static void warnOfNanoseconds(String column, ManifestSource source) {
    source
        .warnings()
        .accept(
            "column "
                + column
                + " has timestamps in nanoseconds, which Spark does not have; it passes through"
                + " as whole numbers of nanoseconds since 1970");
  }

  private static void checkNumber(int groups, ManifestSource source) {
    if (groups > MOST_GROUPS) {
      throw new UsageException(
          "Cannot read manifest "
              + source.options().path()
              + ": its files have "
              + groups
              + " different sets of columns, at most "
              + MOST_GROUPS
              + " can be merged; write the files with the same columns and types");
    }
  }

  /**
   * Files are divided by the number of cores, which grows while executors start. The rows are
   * numbered by their partitions, so the division must stay as it is now.
   */
  private static void keepPartitions(SparkSession spark) {
    if (spark.conf().getOption(PARTITIONS).isEmpty()) {
      Option<String> set = spark.conf().getOption(PARALLELISM);
      spark
          .conf()
          .set(
              PARTITIONS,
              set.isDefined()
                  ? set.get()
                  : Integer.toString(spark.sparkContext().defaultParallelism()));
    }
  }

  private static List<StoredFile> visible(ManifestSource source, String root) throws IOException {
    String prefix = root.endsWith("/") ? root : root + "/";
    List<StoredFile> all = source.storage().files(root);
    List<StoredFile> files =
        all.stream()
            .filter(
                file ->
                    !file.path().startsWith(prefix)
                        || ForeignFiles.isVisible(file.path().substring(prefix.length())))
            .toList();
    ForeignFiles.checkTables(
        source.storage(),
        root,
        all.stream().map(file -> file.path().substring(cut(file, prefix))).toList(),
        source.options().path());
    ForeignFiles.checkLinks(source.storage(), root, true, source.options().path());
    if (files.isEmpty()) {
      throw new UsageException(
          "Cannot read manifest "
              + source.options().path()
              + ": it holds no files (write the rows there, or name another folder)");
    }
    ForeignFiles.checkImages(
        files.stream().map(StoredFile::path).toList(), source.options().path());
    return files;
  }

  private static int cut(StoredFile file, String prefix) {
    return file.path().startsWith(prefix) ? prefix.length() : 0;
  }

  private static List<ParquetFooter> footers(
      ManifestSource source, String root, List<StoredFile> files) throws IOException {
    SQLConf conf = SQLConf.get().clone();
    conf.setConfString(NANOSECONDS, "true");
    ParquetToSparkSchemaConverter types = new ParquetToSparkSchemaConverter(conf);
    boolean times = source.spark().conf().getOption(TIMES).contains("true");
    // Most files have the same columns, which are kept once.
    Map<List<ParquetFooter.Column>, List<ParquetFooter.Column>> known = new LinkedHashMap<>();
    List<ParquetFooter> footers = new ArrayList<>();
    ParallelReads.forEach(
        files,
        file ->
            ParquetFooter.read(source.storage(), file, failure(source, root, file), types, times),
        footer -> {
          List<ParquetFooter.Column> columns = known.computeIfAbsent(footer.columns(), key -> key);
          footers.add(new ParquetFooter(footer.file(), footer.rows(), columns));
        });
    return footers;
  }

  /** The start of messages about a file. */
  private static String failure(ManifestSource source, String root, StoredFile file) {
    String manifest = "Cannot read manifest " + source.options().path() + " as Parquet";
    return file.path().startsWith(root + "/")
        ? manifest + ": " + file.path().substring(root.length() + 1)
        : manifest;
  }

  /** The partition columns of a file, from folders such as {@code day=2024-01-01}. */
  private static List<ParquetColumns.Partition> partitions(String name, ManifestSource source) {
    List<ParquetColumns.Partition> found = new ArrayList<>();
    String[] parts = name.split("/", -1);
    for (int i = 0; i < parts.length - 1; i++) {
      int mark = parts[i].indexOf(PARTITION_MARK);
      if (mark == 0 || mark == parts[i].length() - 1) {
        throw new UsageException(
            "Cannot read manifest "
                + source.options().path()
                + ": the name of its partition folder "
                + parts[i]
                + " lacks the "
                + (mark == 0 ? "column" : "value")
                + " (rename the folder; Spark writes "
                + ExternalCatalogUtils.DEFAULT_PARTITION_NAME()
                + " for null)");
      }
      if (mark > 0) {
        String value = ExternalCatalogUtils.unescapePathName(parts[i].substring(mark + 1));
        found.add(
            new ParquetColumns.Partition(
                ExternalCatalogUtils.unescapePathName(parts[i].substring(0, mark)),
                value.equals(ExternalCatalogUtils.DEFAULT_PARTITION_NAME()) ? null : value,
                parts[i]));
      }
    }
    return found;
  }

  private static Dataset<Row> read(
      ManifestSource source,
      String base,
      Group group,
      List<String> files,
      List<ParquetColumns.Target> targets) {
    StructType schema = new StructType();
    List<Column> selected = new ArrayList<>();
    for (ParquetColumns.Target target : targets) {
      Column value = lit(null);
      ParquetFooter.Column column = target.in(group.columns());
      String partition = target.inNames(group.partitions());
      if (partition != null) {
        value = SqlColumns.of(partition);
        if (target.type() instanceof LongType) {
          // As a decimal, 1e3 and 7.0 are whole numbers.
          value = value.cast(WHOLE_NUMBER);
        }
      } else if (column != null && target.reads(column)) {
        schema = schema.add(column.name(), column.read(), true);
        value = converted(SqlColumns.of(column.name()), column.type(), target);
      }
      selected.add(value.cast(target.type()).as(target.name()));
    }
    // As texts: 007 is not 7.
    for (String partition : group.partitions()) {
      schema = schema.add(partition, DataTypes.StringType, true);
    }
    DataFrameReader reader = LiteralPaths.reader(source.spark()).schema(schema);
    if (base != null) {
      reader = reader.option("basePath", base);
    }
    return reader.parquet(files.toArray(String[]::new)).select(selected.toArray(Column[]::new));
  }

  /** A value of one file as the type that all files have. */
  private static Column converted(Column value, DataType from, ParquetColumns.Target target) {
    if (target.type() instanceof ArrayType && from instanceof StringType) {
      return when(ManifestTable.isVisible(value), array(value));
    }
    if (target.field() != null
        && from instanceof FloatType
        && target.type() instanceof DoubleType) {
      // The float 1.1 means 1.1 and not 1.10000002384185791.
      return value.cast(DataTypes.StringType);
    }
    return value;
  }
}
