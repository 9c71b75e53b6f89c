package io.glmimage.spark;

import static org.apache.spark.sql.functions.coalesce;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.max_by;
import static org.apache.spark.sql.functions.regexp_extract;
import static org.apache.spark.sql.functions.struct;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.glmimage.io.Storage;
import io.glmimage.io.StoredFile;
import io.glmimage.output.OutputLayout;
import io.glmimage.output.PictureFormat;
import io.glmimage.output.ResultColumn;
import io.glmimage.output.ResultLines;
import io.glmimage.output.ResultStatus;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.StructType;

/**
 * All that earlier runs, finished or not, and this one have written down in an output folder: lines
 * in the result table, lines of rows that have left the manifest, lines that are not yet in the
 * table. Of an id the line of the latest run counts.
 */
final class Ledger {
  private static final DateTimeFormatter RUN_TIME =
      DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmssSSS'Z'").withZone(ZoneOffset.UTC);
  private static final int TIME_CHARS = "yyyyMMddTHHmmssSSSZ".length();
  private static final int MAX_BYTES = 1 << 26;

  private final SparkSession spark;
  private final Storage storage;
  private final OutputLayout output;

  Ledger(SparkSession spark, Storage storage, OutputLayout output) {
    this.spark = spark;
    this.storage = storage;
    this.output = output;
  }

  /**
   * A name for a new run, greater than those of all earlier ones, whatever the clocks of their
   * hosts.
   */
  String newRun() throws IOException {
    Instant now = Instant.now();
    List<String> earlier = new ArrayList<>(storage.names(output.lines()));
    earlier.addAll(storage.names(output.journal()));
    earlier.addAll(storage.names(output.orphans()));
    try {
      earlier.add(
          new ObjectMapper()
              .readTree(storage.read(output.success(), MAX_BYTES))
              .path("run")
              .asText());
    } catch (FileNotFoundException e) {
      // The table was not finished, or there is none.
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
  long done(String run) throws IOException {
    if (!storage.names(output.lines()).contains(run)) {
      return 0;
    }
    return spark
        .read()
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

  /** Whether anything was done here before. */
  boolean isEmpty() throws IOException {
    return tableFiles().isEmpty()
        && storage.names(output.lines()).isEmpty()
        && storage.names(output.orphans()).isEmpty();
  }

  /** The newest line of each id, with the columns of {@link ResultColumn}. */
  Dataset<Row> lines() throws IOException {
    StructType schema = ResultsTable.schema(new StructType());
    Dataset<Row> all = spark.createDataFrame(List.of(), schema);
    if (!tableFiles().isEmpty()) {
      all = all.unionByName(spark.read().schema(schema).parquet(output.results()));
    }
    for (String run : storage.names(output.orphans())) {
      String folder = output.orphans() + "/" + run;
      all = all.unionByName(spark.read().schema(schema).parquet(folder));
    }
    if (!storage.names(output.lines()).isEmpty()) {
      all =
          all.unionByName(
              spark
                  .read()
                  .schema(schema)
                  .option("recursiveFileLookup", "true")
                  .json(output.lines()));
    }
    Column[] columns =
        Arrays.stream(schema.fieldNames()).map(name -> col(name)).toArray(Column[]::new);
    Column order =
        struct(
            coalesce(col(ResultColumn.RUN.column()), lit("")),
            col(ResultColumn.STATUS.column()).equalTo(ResultStatus.OK.name()));
    return all.filter(col(ResultColumn.ID.column()).isNotNull())
        .groupBy(col(ResultColumn.ID.column()).as("newest"))
        .agg(max_by(struct(columns), order).as("line"))
        .select("line.*");
  }

  /** The formats of pictures that runs before {@code run} have written down, finished or not. */
  Set<PictureFormat> formatsBefore(String run) throws IOException {
    StructType schema = ResultsTable.schema(new StructType());
    Column path = col(ResultColumn.OUTPUT_PATH.column());
    Column earlier = coalesce(col(ResultColumn.RUN.column()), lit("")).notEqual(run);
    Column extension = regexp_extract(path, "\\.[a-z]+$", 0);
    List<Row> found = new ArrayList<>();
    if (!tableFiles().isEmpty()) {
      Dataset<Row> table = spark.read().schema(schema).parquet(output.results());
      found.addAll(table.filter(earlier).select(extension).distinct().collectAsList());
    }
    for (String name : storage.names(output.lines())) {
      if (!name.equals(run)) {
        Dataset<Row> lines = spark.read().schema(schema).json(output.lines() + "/" + name);
        found.addAll(lines.filter(path.isNotNull()).select(extension).distinct().collectAsList());
      }
    }
    Set<PictureFormat> formats = EnumSet.noneOf(PictureFormat.class);
    for (Row row : found) {
      if (!row.isNullAt(0)) {
        formats.add(PictureFormat.ofFile(row.getString(0)));
      }
    }
    return formats;
  }

  /** Rows that were in work when a run ended: whose their pictures are is not known. */
  Set<String> dirty() throws IOException {
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
