package io.glmimage.spark.results;

import static org.apache.spark.sql.functions.coalesce;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.lag;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.regexp_extract;

import com.fasterxml.jackson.databind.JsonNode;
import io.glmimage.io.HadoopSettings;
import io.glmimage.io.Storage;
import io.glmimage.io.StoredFile;
import io.glmimage.json.Json;
import io.glmimage.manifest.InternalColumns;
import io.glmimage.output.LedgerJson;
import io.glmimage.output.OutputLayout;
import io.glmimage.output.ResultColumn;
import io.glmimage.output.ResultStatus;
import io.glmimage.spark.manifest.LiteralPaths;
import io.glmimage.spark.manifest.ResultManifest;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.expressions.Window;
import org.apache.spark.sql.expressions.WindowSpec;
import org.apache.spark.sql.types.StructType;

/**
 * All result rows in an output folder, of this run and of earlier runs, finished or not. They are
 * in the result table, in the orphans (result rows of rows that left the manifest) and in the
 * ledger. If an id has several result rows, the one of the latest run counts.
 */
public final class StoredResults {
  private static final DateTimeFormatter RUN_TIME =
      DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmssSSS'Z'").withZone(ZoneOffset.UTC);
  private static final int TIME_CHARS = "yyyyMMddTHHmmssSSSZ".length();
  private static final int MAX_JOURNAL_BYTES = 1 << 26;
  private static final long MAX_LEDGER_BYTES = 1L << 30;

  /** Ledger files that one task reads. */
  private static final int GROUP_FILES = 256;

  /** Bytes after which a task gets no further ledger file. */
  private static final long GROUP_BYTES = 32L << 20;

  /** The extension of a path, with its dot. */
  private static final String EXTENSION = "\\.[^./]+$";

  private final SparkSession spark;
  private final Broadcast<HadoopSettings> hadoop;
  private final Storage storage;
  private final OutputLayout output;

  public StoredResults(SparkSession spark, Broadcast<HadoopSettings> hadoop, OutputLayout output) {
    this.spark = spark;
    this.hadoop = hadoop;
    this.storage = hadoop.value().storage();
    this.output = output;
  }

  /**
   * A name for a new run. It is greater than the names of all earlier runs, even if the clocks of
   * their hosts were ahead.
   */
  public String newRun() throws IOException {
    Instant now = Instant.now();
    List<String> earlier = new ArrayList<>(storage.names(output.ledger()));
    earlier.addAll(storage.names(output.journal()));
    earlier.addAll(storage.names(output.orphans()));
    TableMarker marker = TableMarker.read(storage, output);
    if (marker != null) {
      earlier.add(marker.run());
    }
    for (String run : earlier) {
      if (run.length() > TIME_CHARS) {
        Instant then = RUN_TIME.parse(run.substring(0, TIME_CHARS), Instant::from);
        now = now.isAfter(then) ? now : then.plusMillis(1);
      }
    }
    return RUN_TIME.format(now) + "-" + UUID.randomUUID().toString().substring(0, 8);
  }

  /** How many rows a run has finished so far, without rows that failed. */
  public long finishedRows(String run) throws IOException {
    if (!storage.names(output.ledger()).contains(run)) {
      return 0;
    }
    return LiteralPaths.reader(spark)
        .schema(ResultsTable.schema(new StructType()))
        .option("recursiveFileLookup", "true")
        // Tasks may still be at work, and replace several files by one.
        .option("ignoreMissingFiles", "true")
        .json(output.ledger() + "/" + run)
        .filter(col(ResultColumn.STATUS.column()).equalTo(ResultStatus.OK.name()))
        .select(col(ResultColumn.ID.column()))
        .distinct()
        .count();
  }

  /** Whether the ledger and the journal are empty. */
  boolean areInTable() throws IOException {
    return storage.names(output.ledger()).isEmpty() && storage.names(output.journal()).isEmpty();
  }

  /** Whether there is no result row. */
  public boolean isEmpty() throws IOException {
    return tableFiles().isEmpty()
        && storage.names(output.ledger()).isEmpty()
        && storage.names(output.orphans()).isEmpty();
  }

  /**
   * The newest result row of each id, partitioned and sorted by id if Spark has shuffled the rows.
   *
   * @param wanted columns of the result, in addition to the id
   */
  public Dataset<Row> newestRows(Collection<ResultColumn> wanted) throws IOException {
    Set<ResultColumn> needed = EnumSet.of(ResultColumn.ID);
    needed.addAll(wanted);
    Column[] columns = columns(needed);
    // These decide which result row is the newest.
    needed.add(ResultColumn.RUN);
    needed.add(ResultColumn.STATUS);
    Dataset<Row> all = allRows(tableFiles(), columns(needed));
    Column id = col(ResultColumn.ID.column());
    // One shuffle and one sort, which a join by id uses again. An aggregation would sort twice.
    WindowSpec newestFirst =
        Window.partitionBy(id)
            .orderBy(
                coalesce(col(ResultColumn.RUN.column()), lit("")).desc(),
                col(ResultColumn.STATUS.column()).equalTo(ResultStatus.OK.name()).desc());
    return all.filter(id.isNotNull())
        .withColumn(InternalColumns.NEWER, lag(id, 1).over(newestFirst))
        .filter(col(InternalColumns.NEWER).isNull())
        .select(columns);
  }

  private Dataset<Row> allRows(List<String> tableFiles, Column... columns) throws IOException {
    StructType schema = ResultsTable.schema(new StructType());
    Dataset<Row> all = spark.createDataFrame(List.of(), schema).select(columns);
    if (!tableFiles.isEmpty()) {
      String[] files = tableFiles.toArray(String[]::new);
      all =
          all.unionByName(LiteralPaths.reader(spark).schema(schema).parquet(files).select(columns));
    }
    for (String run : storage.names(output.orphans())) {
      String folder = output.orphans() + "/" + run;
      all =
          all.unionByName(
              LiteralPaths.reader(spark).schema(schema).parquet(folder).select(columns));
    }
    List<StoredFile> ledger = storage.files(output.ledger());
    if (!ledger.isEmpty()) {
      Dataset<String> json = spark.createDataset(ledgerRows(ledger).rdd(), Encoders.STRING());
      all = all.unionByName(LiteralPaths.reader(spark).schema(schema).json(json).select(columns));
    }
    return ResultManifest.rebased(all, output);
  }

  /** The JSON of the result rows in many small files. Spark's reader takes over 10 ms a file. */
  private JavaRDD<String> ledgerRows(List<StoredFile> files) {
    List<List<String>> groups = groups(files);
    Broadcast<HadoopSettings> hadoop = this.hadoop;
    return JavaSparkContext.fromSparkContext(spark.sparkContext())
        .parallelize(groups, groups.size())
        .flatMap(List::iterator)
        .flatMap(
            file ->
                LedgerJson.rows(hadoop.value().storage().read(file, MAX_LEDGER_BYTES)).iterator());
  }

  /** The paths of ledger files in groups, one for each task. */
  static List<List<String>> groups(List<StoredFile> files) {
    List<List<String>> groups = new ArrayList<>();
    List<String> group = new ArrayList<>();
    long bytes = 0;
    for (StoredFile file : files) {
      group.add(file.path());
      bytes += file.bytes();
      if (bytes >= GROUP_BYTES || group.size() == GROUP_FILES) {
        groups.add(group);
        group = new ArrayList<>();
        bytes = 0;
      }
    }
    if (!group.isEmpty()) {
      groups.add(group);
    }
    return groups;
  }

  /**
   * Counts the ids that have a result row.
   *
   * @param without files of the table to leave out
   */
  long countIds(Collection<String> without) throws IOException {
    Column id = col(ResultColumn.ID.column());
    List<String> files = new ArrayList<>(tableFiles());
    files.removeAll(without);
    return allRows(files, id).filter(id.isNotNull()).distinct().count();
  }

  /**
   * Whether there are only result rows of this run.
   *
   * @param tableFiles the files of the table before this run
   */
  boolean areAllOf(String run, List<String> tableFiles) throws IOException {
    return tableFiles.isEmpty()
        && storage.names(output.orphans()).isEmpty()
        && List.of(run).containsAll(storage.names(output.ledger()));
  }

  private static Column[] columns(Set<ResultColumn> columns) {
    return columns.stream().map(column -> col(column.column())).toArray(Column[]::new);
  }

  /**
   * The extensions of all edited images in result rows of other runs, finished or not, with their
   * dots. A format that this version does not know has an extension too.
   */
  Set<String> extensionsBefore(String run) throws IOException {
    Set<String> extensions = new TreeSet<>();
    if (areAllOf(run, tableFiles())) {
      return extensions;
    }
    Column path = col(ResultColumn.OUTPUT_PATH.column());
    Column earlier = coalesce(col(ResultColumn.RUN.column()), lit("")).notEqual(run);
    for (Row row :
        allRows(tableFiles(), columns(EnumSet.of(ResultColumn.OUTPUT_PATH, ResultColumn.RUN)))
            .filter(earlier.and(path.isNotNull()))
            .select(regexp_extract(path, EXTENSION, 0).as("extension"))
            .distinct()
            .collectAsList()) {
      extensions.add(row.getAs("extension"));
    }
    extensions.remove("");
    return extensions;
  }

  /**
   * The rows that were in work when a run ended, each with the newest such run. Their edited images
   * may be of that run or of an earlier one.
   *
   * @return the names of the runs, by the row's id
   */
  public Map<String, String> runsInWork() throws IOException {
    Map<String, String> runs = new HashMap<>();
    for (String run : new TreeSet<>(storage.names(output.journal()))) {
      for (StoredFile file : storage.files(output.journal() + "/" + run)) {
        try {
          JsonNode entry = Json.MAPPER.readTree(storage.read(file.path(), MAX_JOURNAL_BYTES));
          LedgerJson.texts(entry.path("rows")).forEach(id -> runs.put(id, run));
        } catch (FileNotFoundException e) {
          // A task that outlived its driver has finished its partition.
        }
      }
    }
    return runs;
  }

  /** The data files of the result table. */
  List<String> tableFiles() throws IOException {
    return storage.names(output.results()).stream()
        .filter(ResultsTable::isTableFile)
        .map(name -> output.results() + "/" + name)
        .toList();
  }
}
