package io.glmimage.spark.results;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.count;
import static org.apache.spark.sql.functions.expr;
import static org.apache.spark.sql.functions.least;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.when;

import io.glmimage.error.JobException;
import io.glmimage.io.HadoopSettings;
import io.glmimage.io.Storage;
import io.glmimage.manifest.InternalColumns;
import io.glmimage.output.EditedImageFormat;
import io.glmimage.output.OutputLayout;
import io.glmimage.output.ResultColumn;
import io.glmimage.output.ResultStatus;
import io.glmimage.quality.QualityLimits;
import io.glmimage.spark.manifest.IdentifiedRows;
import io.glmimage.spark.manifest.LiteralPaths;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.DataFrameWriter;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SaveMode;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.StructType;

/**
 * Writes the result table from all stored result rows. New files are first added to the table and
 * checked. Only then are the old files and the ledger removed. So after an interruption at any
 * point, the next run finds each result row at least once. The marker {@code _SUCCESS} exists only
 * while the table is complete.
 */
public final class ResultsCommit {
  static final long ROWS_PER_FILE = 250_000;

  private final SparkSession spark;
  private final Broadcast<HadoopSettings> hadoop;
  private final Storage storage;
  private final OutputLayout output;
  private final StoredResults stored;
  private final CommitProtocol protocol;
  private final long rowsPerFile;
  private boolean uploadsAborted;

  public ResultsCommit(
      SparkSession spark,
      Broadcast<HadoopSettings> hadoop,
      OutputLayout output,
      StoredResults stored) {
    this(spark, hadoop, output, stored, ROWS_PER_FILE);
  }

  ResultsCommit(
      SparkSession spark,
      Broadcast<HadoopSettings> hadoop,
      OutputLayout output,
      StoredResults stored,
      long rowsPerFile) {
    this.spark = spark;
    this.hadoop = hadoop;
    this.storage = hadoop.value().storage();
    this.output = output;
    this.stored = stored;
    this.protocol = CommitProtocol.of(spark, output.root());
    this.rowsPerFile = rowsPerFile;
  }

  /**
   * The table to write.
   *
   * @param manifest the rows of the manifest
   * @param planned the planned rows of the manifest
   * @param format how this run encodes edited images; null if it makes none
   * @param limits flag the rows
   * @param run the run that writes the table
   * @param madeOf see {@link TableMarker}
   */
  public record Table(
      IdentifiedRows manifest,
      Dataset<Row> planned,
      EditedImageFormat format,
      QualityLimits limits,
      String run,
      String madeOf) {
    long rows() {
      return manifest.size();
    }

    StructType passedThrough() {
      return manifest.manifest().passedThrough();
    }
  }

  /**
   * Removes the marker and the report before the first change, and what a killed run left
   * half-written.
   */
  public void begin() throws IOException {
    // Made from the table that changes now.
    for (String derived :
        List.of(output.report(), output.metrics(), output.batchOutput(), output.batchErrors())) {
      storage.delete(derived);
    }
    storage.delete(output.summary());
    storage.delete(output.success());
    storage.delete(output.results() + "/_temporary");
    storage.delete(output.results() + "/__magic");
    storage.delete(output.unfinished());
    if (!uploadsAborted) {
      storage.abortUploads(output.root());
      uploadsAborted = true;
    }
  }

  /** Whether the table is complete, and a commit without new result rows would not change it. */
  public boolean isCurrent(long rows, String madeOf) throws IOException {
    TableMarker marker = TableMarker.read(storage, output);
    return marker != null
        && marker.rows() == rows
        && madeOf.equals(marker.madeOf())
        && stored.areInTable();
  }

  /**
   * Writes the table. Call {@link #begin} first.
   *
   * @param stillHeld throws if this run has lost the lock
   * @throws JobException if a row of the manifest has no result row; no result is removed then, and
   *     the new files are not part of the table
   */
  public void commit(Table table, Runnable stillHeld) throws IOException {
    List<String> oldFiles = stored.tableFiles();
    Set<String> oldExtensions = replacedExtensions(table);
    Dataset<Row> newest = stored.newestRows(List.of(ResultColumn.values()));

    // 1. Add the new files to the table.
    protocol.save(writer(inFiles(table, newest)), output.results());
    List<String> newFiles = new ArrayList<>(stored.tableFiles());
    newFiles.removeAll(oldFiles);

    // 2. Check that they have one result row for each row of the manifest.
    Dataset<Row> written =
        LiteralPaths.reader(spark)
            .schema(ResultsTable.schema(table.passedThrough()))
            .parquet(newFiles.toArray(String[]::new));
    long failed = checkedFailures(written, table.rows());

    // 3. Keep the result rows of rows that left the manifest.
    stillHeld.run();
    if (mayHaveOrphans(table, oldFiles, newFiles)) {
      keepOrphans(table, newest);
    }

    // 4. Replace the manifest of failed rows.
    storage.delete(output.failedRows());
    if (failed > 0) {
      Dataset<Row> ids = written.filter(isFailed()).select(ResultColumn.ID.column());
      Dataset<Row> again = PathCredentials.hidden(table.manifest().subset(ids, files(failed)));
      protocol.save(writer(again), output.failedRows());
    }

    // 5. Remove the edited images and the files that are replaced.
    stillHeld.run();
    ReplacedImages.remove(written, oldExtensions, output, hadoop);
    for (String file : oldFiles) {
      storage.delete(file);
    }

    // 6. Mark the table as complete.
    new TableMarker(
            table.run(),
            table.rows(),
            table.rows() - failed,
            failed,
            protocol.name(),
            table.madeOf())
        .write(storage, output);

    // 7. Remove the ledger, the journal and the orphans, whose result rows are stored again.
    storage.delete(output.ledger());
    storage.delete(output.journal());
    for (String run : storage.names(output.orphans())) {
      if (!run.equals(table.run())) {
        storage.delete(output.orphans() + "/" + run);
      }
    }
  }

  /** The extensions of edited images of earlier runs that this run has replaced. */
  private Set<String> replacedExtensions(Table table) throws IOException {
    if (table.format() == null) {
      return Set.of();
    }
    Set<String> extensions = stored.extensionsBefore(table.run());
    extensions.remove(table.format().extension());
    return extensions;
  }

  /**
   * Counts the failed rows of the new files.
   *
   * @throws JobException if the files have more or fewer rows than the manifest
   */
  private static long checkedFailures(Dataset<Row> written, long rows) {
    Row counts =
        written.agg(count(lit(1)).as("rows"), count(when(isFailed(), 1)).as("failed")).head();
    long found = counts.<Long>getAs("rows");
    if (found != rows) {
      throw new JobException(
          "Cannot account for all rows: the manifest had "
              + rows
              + ", the result table has "
              + found
              + "; was the manifest changed while the job ran? Finished rows are kept: run the same"
              + " command again");
    }
    return counts.<Long>getAs("failed");
  }

  /** Whether more ids than those of the manifest may have result rows. */
  private boolean mayHaveOrphans(Table table, List<String> oldFiles, List<String> newFiles)
      throws IOException {
    return !stored.areAllOf(table.run(), oldFiles) && stored.countIds(newFiles) > table.rows();
  }

  /** Stores result rows without a row in the manifest: a later manifest may have the row again. */
  private void keepOrphans(Table table, Dataset<Row> newest) {
    Column id = col(ResultColumn.ID.column());
    Column manifestId = col(InternalColumns.ID);
    Dataset<Row> orphans =
        newest.join(table.planned().select(manifestId), id.equalTo(manifestId), "left_anti");
    if (!orphans.isEmpty()) {
      protocol.save(writer(orphans), output.orphans() + "/" + table.run());
    }
  }

  /** The result rows in files of equal numbers of rows, in the order of the manifest. */
  private Dataset<Row> inFiles(Table table, Dataset<Row> newest) {
    String index = ResultColumn.ROW_INDEX.column();
    int[] keys = PartitionKeys.of(files(table.rows()));
    // If the manifest has grown, the indices are too large; the check of the count fails.
    Column file = least(expr(index + " div " + rowsPerFile), lit(keys.length - 1L)).cast("int");
    return PartitionKeys.add(
            ResultAssembly.table(table.planned(), newest, table.passedThrough(), table.limits()),
            file,
            keys)
        .repartition(keys.length, col(InternalColumns.PLACE))
        .drop(InternalColumns.PLACE)
        .sortWithinPartitions(index);
  }

  private int files(long rows) {
    return (int) Math.max(1, (rows + rowsPerFile - 1) / rowsPerFile);
  }

  private static Column isFailed() {
    return col(ResultColumn.STATUS.column()).equalTo(ResultStatus.FAILED.name());
  }

  private static DataFrameWriter<Row> writer(Dataset<Row> rows) {
    // Without Spark's marker: ours is written when the old files are gone.
    return rows.write()
        .mode(SaveMode.Append)
        .option("mapreduce.fileoutputcommitter.marksuccessfuljobs", "false");
  }
}
