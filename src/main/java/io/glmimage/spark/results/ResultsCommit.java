package io.glmimage.spark.results;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.count;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.udf;
import static org.apache.spark.sql.functions.when;

import io.glmimage.error.JobException;
import io.glmimage.io.HadoopSettings;
import io.glmimage.io.Storage;
import io.glmimage.manifest.InternalColumns;
import io.glmimage.output.EditedImageFormat;
import io.glmimage.output.OutputLayout;
import io.glmimage.output.ResultColumn;
import io.glmimage.output.ResultStatus;
import io.glmimage.spark.manifest.IdentifiedRows;
import io.glmimage.spark.manifest.LiteralPaths;
import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.DataFrameWriter;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SaveMode;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.expressions.UserDefinedFunction;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/**
 * Makes the result table of all that has been written down. New files are added to the table first,
 * and checked; only then are old ones, and the notes that they were made of, removed. Whenever that
 * is interrupted, the next run finds every line at least once. The marker {@code _SUCCESS} is there
 * only while the table is whole.
 */
public final class ResultsCommit {
  private static final long ROWS_PER_FILE = 250_000;

  private static final int REMOVING_THREADS = 16;
  private static final int REMOVED_AT_ONCE = 512;

  private final SparkSession spark;
  private final Storage storage;
  private final OutputLayout output;
  private final Ledger ledger;
  private final CommitProtocol protocol;
  private boolean swept;

  public ResultsCommit(SparkSession spark, Storage storage, OutputLayout output, Ledger ledger) {
    this.spark = spark;
    this.storage = storage;
    this.output = output;
    this.ledger = ledger;
    this.protocol = CommitProtocol.of(spark, output.root());
  }

  /** Says that the table is not whole, with the lock held; call it before anything is done. */
  public void begin() throws IOException {
    storage.delete(output.summary());
    storage.delete(output.success());
    // What a killed run's commit was writing.
    storage.delete(output.results() + "/_temporary");
    storage.delete(output.results() + "/__magic");
    storage.delete(output.unfinished());
    if (!swept) {
      storage.abortUploads(output.root());
      swept = true;
    }
  }

  /** Whether the table is whole and would be made of the same again, if no row is to be done. */
  public boolean stands(long rows, String madeOf) throws IOException {
    TableMarker marker = TableMarker.read(storage, output);
    return marker != null
        && marker.rows() == rows
        && madeOf.equals(marker.madeOf())
        && ledger.isInTable();
  }

  /**
   * Writes the table.
   *
   * @param planned the planned rows of the manifest
   * @param pictures how this run encodes them, or null if it makes none
   * @param rows of the manifest
   * @param madeOf see {@link TableMarker}
   * @param stillHeld throws if the folder is no longer this run's
   * @throws JobException if a row has no line
   */
  public void commit(
      IdentifiedRows manifest,
      Dataset<Row> planned,
      EditedImageFormat pictures,
      long rows,
      String run,
      String madeOf,
      Runnable stillHeld)
      throws IOException {
    List<String> old = ledger.tableFiles();
    Set<EditedImageFormat> replaced =
        pictures == null ? EnumSet.noneOf(EditedImageFormat.class) : ledger.formatsBefore(run);
    replaced.remove(pictures);
    Dataset<Row> lines = ledger.lines(List.of(ResultColumn.values()));
    StructType passedThrough = manifest.manifest().passedThrough();
    String index = ResultColumn.ROW_INDEX.column();
    protocol.save(
        writer(
            inFiles(ResultAssembly.table(planned, lines, passedThrough), rows, index)
                .sortWithinPartitions(index)),
        output.results());

    List<String> added = new ArrayList<>(ledger.tableFiles());
    added.removeAll(old);
    Dataset<Row> table =
        LiteralPaths.reader(spark)
            .schema(ResultsTable.schema(passedThrough))
            .parquet(added.toArray(String[]::new));
    Row counts = table.agg(count(lit(1)), count(when(isFailed(), 1))).head();
    long written = counts.getLong(0);
    long failed = counts.getLong(1);
    if (written != rows) {
      throw new JobException(
          "Cannot account for all rows: the manifest had "
              + rows
              + ", the result table has "
              + written
              + "; was the manifest changed while the job ran? Run the same command again: what is"
              + " done is kept");
    }
    stillHeld.run();
    // Without lines of another run, or with as many ids as the manifest has, there can be none.
    if (!ledger.isAllOf(run, old) && ledger.countIds(added) > rows) {
      keepOrphans(planned, lines, output.orphans() + "/" + run);
    }
    storage.delete(output.failedRows());
    if (failed > 0) {
      Dataset<Row> ids = table.filter(isFailed()).select(ResultColumn.ID.column());
      int parts = (int) ((failed + ROWS_PER_FILE - 1) / ROWS_PER_FILE);
      protocol.save(writer(manifest.subset(ids, parts)), output.failedRows());
    }
    stillHeld.run();
    if (!replaced.isEmpty()) {
      removePictures(table, replaced);
    }
    for (String file : old) {
      storage.delete(file);
    }
    new TableMarker(run, rows, rows - failed, failed, protocol.name(), madeOf)
        .write(storage, output);
    storage.delete(output.lines());
    storage.delete(output.journal());
    for (String earlier : storage.names(output.orphans())) {
      if (!earlier.equals(run)) {
        storage.delete(output.orphans() + "/" + earlier);
      }
    }
  }

  /** Removes the rows' pictures in formats that their lines no longer name. */
  private void removePictures(Dataset<Row> table, Set<EditedImageFormat> formats) {
    HadoopSettings hadoop = new HadoopSettings(spark.sparkContext().hadoopConfiguration());
    OutputLayout layout = output;
    List<EditedImageFormat> list = new ArrayList<>(formats);
    table
        .select(ResultColumn.ID.column())
        .javaRDD()
        .foreachPartition(
            ids -> {
              Storage files = hadoop.storage();
              // Requests to an object store are nearly all waiting.
              ExecutorService threads = Executors.newFixedThreadPool(REMOVING_THREADS);
              try {
                while (ids.hasNext()) {
                  List<Callable<Void>> some = new ArrayList<>();
                  while (ids.hasNext() && some.size() < REMOVED_AT_ONCE) {
                    String id = ids.next().getString(0);
                    for (EditedImageFormat format : list) {
                      some.add(
                          () -> {
                            files.delete(layout.image(id, format));
                            return null;
                          });
                    }
                  }
                  for (Future<Void> removed : threads.invokeAll(some)) {
                    removed.get();
                  }
                }
              } finally {
                threads.shutdownNow();
              }
            });
  }

  /** A later manifest may have these rows again. */
  private void keepOrphans(Dataset<Row> planned, Dataset<Row> lines, String folder)
      throws IOException {
    String id = ResultColumn.ID.column();
    Dataset<Row> orphans =
        lines.join(
            planned.select(col(InternalColumns.ID)),
            col(id).equalTo(col(InternalColumns.ID)),
            "left_anti");
    if (!orphans.isEmpty()) {
      protocol.save(writer(orphans), folder);
    }
  }

  /** In files of equal numbers of rows, by their index. */
  private static Dataset<Row> inFiles(Dataset<Row> table, long rows, String index) {
    int[] keys = PartitionKeys.of((int) Math.max(1, (rows + ROWS_PER_FILE - 1) / ROWS_PER_FILE));
    UserDefinedFunction place =
        udf(
            // A manifest that has grown meanwhile is found out by counting.
            (UDF1<Long, Integer>) row -> keys[(int) Math.min(keys.length - 1, row / ROWS_PER_FILE)],
            DataTypes.IntegerType);
    return table
        .withColumn(InternalColumns.PLACE, place.apply(col(index)))
        .repartition(keys.length, col(InternalColumns.PLACE))
        .drop(InternalColumns.PLACE);
  }

  private static Column isFailed() {
    return col(ResultColumn.STATUS.column()).equalTo(ResultStatus.FAILED.name());
  }

  private static DataFrameWriter<Row> writer(Dataset<Row> rows) {
    // The marker comes last, when old files are gone too.
    return rows.write()
        .mode(SaveMode.Append)
        .option("mapreduce.fileoutputcommitter.marksuccessfuljobs", "false");
  }
}
