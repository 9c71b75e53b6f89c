package io.glmimage.spark.results;

import static org.apache.spark.sql.functions.coalesce;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.lag;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.regexp_extract;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.glmimage.io.HadoopSettings;
import io.glmimage.io.Storage;
import io.glmimage.io.StoredFile;
import io.glmimage.output.EditedImageFormat;
import io.glmimage.output.OutputLayout;
import io.glmimage.output.ResultColumn;
import io.glmimage.output.ResultLines;
import io.glmimage.output.ResultStatus;
import io.glmimage.spark.manifest.LiteralPaths;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.expressions.Window;
import org.apache.spark.sql.expressions.WindowSpec;
import org.apache.spark.sql.types.StructType;

/**
 * All that earlier runs, finished or not, and this one have written down in an output folder: lines
 * in the result table, lines of rows that have left the manifest, lines that are not yet in the
 * table. Of an id the line of the latest run counts.
 */
public final class Ledger {
  private static final DateTimeFormatter RUN_TIME =
      DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmssSSS'Z'").withZone(ZoneOffset.UTC);
  private static final int TIME_CHARS = "yyyyMMddTHHmmssSSSZ".length();
  private static final int MAX_BYTES = 1 << 26;
  private static final long MAX_LINES_BYTES = 1L << 30;

  /** Of files that are read by one task. */
  private static final long GROUP_BYTES = 32L << 20;

  private static final int GROUP_FILES = 256;
  private static final String NEWER = "__glm_image_newer";

  private final SparkSession spark;
  private final HadoopSettings hadoop;
  private final Storage storage;
  private final OutputLayout output;

  public Ledger(SparkSession spark, HadoopSettings hadoop, OutputLayout output) {
    this.spark = spark;
    this.hadoop = hadoop;
    this.storage = hadoop.storage();
    this.output = output;
  }

  /**
   * A name for a new run, greater than those of all earlier ones, whatever the clocks of their
   * hosts.
   */
  public String newRun() throws IOException {
    Instant now = Instant.now();
    List<String> earlier = new ArrayList<>(storage.names(output.lines()));
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

  /** How many rows a run has done so far, without those that failed. */
  public long done(String run) throws IOException {
    if (!storage.names(output.lines()).contains(run)) {
      return 0;
    }
    return LiteralPaths.reader(spark)
        .schema(ResultsTable.schema(new StructType()))
        .option("recursiveFileLookup", "true")
        // Tasks may still be at work, and replace several files by one.
        .option("ignoreMissingFiles", "true")
        .json(output.lines() + "/" + run)
        .filter(col(ResultColumn.STATUS.column()).equalTo(ResultStatus.OK.name()))
        .select(col(ResultColumn.ID.column()))
        .distinct()
        .count();
  }

  /** Whether all that was ever done here is in the table. */
  boolean isInTable() throws IOException {
    return storage.names(output.lines()).isEmpty() && storage.names(output.journal()).isEmpty();
  }

  /** Whether anything was done here before. */
  public boolean isEmpty() throws IOException {
    return tableFiles().isEmpty()
        && storage.names(output.lines()).isEmpty()
        && storage.names(output.orphans()).isEmpty();
  }

  /**
   * The newest line of each id, partitioned and sorted by id where Spark has shuffled it.
   *
   * @param wanted columns besides the id, of which the lines are made
   */
  public Dataset<Row> lines(Collection<ResultColumn> wanted) throws IOException {
    Set<ResultColumn> needed = EnumSet.of(ResultColumn.ID);
    needed.addAll(wanted);
    Column[] columns = columns(needed);
    // What decides which line is the newest, too.
    needed.add(ResultColumn.RUN);
    needed.add(ResultColumn.STATUS);
    Dataset<Row> all = allLines(tableFiles(), columns(needed));
    Column id = col(ResultColumn.ID.column());
    // One shuffle and one sort, which a join by id uses again; an aggregation of whole lines would
    // sort twice.
    WindowSpec newestFirst =
        Window.partitionBy(id)
            .orderBy(
                coalesce(col(ResultColumn.RUN.column()), lit("")).desc(),
                col(ResultColumn.STATUS.column()).equalTo(ResultStatus.OK.name()).desc());
    return all.filter(id.isNotNull())
        .withColumn(NEWER, lag(id, 1).over(newestFirst))
        .filter(col(NEWER).isNull())
        .select(columns);
  }

  private Dataset<Row> allLines(List<String> table, Column... columns) throws IOException {
    StructType schema = ResultsTable.schema(new StructType());
    Dataset<Row> all = spark.createDataFrame(List.of(), schema).select(columns);
    if (!table.isEmpty()) {
      String[] files = table.toArray(String[]::new);
      all =
          all.unionByName(LiteralPaths.reader(spark).schema(schema).parquet(files).select(columns));
    }
    for (String run : storage.names(output.orphans())) {
      String folder = output.orphans() + "/" + run;
      all =
          all.unionByName(
              LiteralPaths.reader(spark).schema(schema).parquet(folder).select(columns));
    }
    List<StoredFile> notes = storage.files(output.lines());
    if (!notes.isEmpty()) {
      Dataset<String> lines = spark.createDataset(lines(notes).rdd(), Encoders.STRING());
      all = all.unionByName(LiteralPaths.reader(spark).schema(schema).json(lines).select(columns));
    }
    return all;
  }

  /** The lines of many small files. Spark's own reader takes some ten milliseconds for each. */
  private JavaRDD<String> lines(List<StoredFile> files) {
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
    HadoopSettings hadoop = this.hadoop;
    return JavaSparkContext.fromSparkContext(spark.sparkContext())
        .parallelize(groups, groups.size())
        .flatMap(List::iterator)
        .flatMap(file -> ResultLines.of(hadoop.storage().read(file, MAX_LINES_BYTES)).iterator());
  }

  /**
   * How many ids there are lines of, in all but some files.
   *
   * @param without files of the table
   */
  long countIds(Collection<String> without) throws IOException {
    Column id = col(ResultColumn.ID.column());
    List<String> table = new ArrayList<>(tableFiles());
    table.removeAll(without);
    return allLines(table, id).filter(id.isNotNull()).distinct().count();
  }

  /**
   * Whether all lines are of this run.
   *
   * @param table the files of the table before this run
   */
  boolean isAllOf(String run, List<String> table) throws IOException {
    return table.isEmpty()
        && storage.names(output.orphans()).isEmpty()
        && List.of(run).containsAll(storage.names(output.lines()));
  }

  private static Column[] columns(Set<ResultColumn> columns) {
    return columns.stream().map(column -> col(column.column())).toArray(Column[]::new);
  }

  /** The formats of pictures that runs before {@code run} have written down, finished or not. */
  Set<EditedImageFormat> formatsBefore(String run) throws IOException {
    Column path = col(ResultColumn.OUTPUT_PATH.column());
    Column earlier = coalesce(col(ResultColumn.RUN.column()), lit("")).notEqual(run);
    Set<EditedImageFormat> formats = EnumSet.noneOf(EditedImageFormat.class);
    if (isAllOf(run, tableFiles())) {
      return formats;
    }
    Dataset<Row> lines =
        allLines(tableFiles(), columns(EnumSet.of(ResultColumn.OUTPUT_PATH, ResultColumn.RUN)));
    for (Row row :
        lines
            .filter(earlier.and(path.isNotNull()))
            .select(regexp_extract(path, "\\.[a-z]+$", 0))
            .distinct()
            .collectAsList()) {
      formats.add(EditedImageFormat.ofFile(row.getString(0)));
    }
    return formats;
  }

  /** Rows that were in work when a run ended: whose their pictures are is not known. */
  public Set<String> dirty() throws IOException {
    Set<String> ids = new HashSet<>();
    for (StoredFile file : storage.files(output.journal())) {
      try {
        JsonNode entry = new ObjectMapper().readTree(storage.read(file.path(), MAX_BYTES));
        ids.addAll(ResultLines.ids(entry.path("rows")));
      } catch (FileNotFoundException e) {
        // A task that outlived its driver has finished its partition.
      }
    }
    return ids;
  }

  /** The data files of the result table. */
  List<String> tableFiles() throws IOException {
    return storage.names(output.results()).stream()
        .filter(name -> !name.startsWith("_") && !name.startsWith("."))
        .map(name -> output.results() + "/" + name)
        .toList();
  }
}
