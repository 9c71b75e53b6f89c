package io.glmimage.spark.run;

import static org.apache.spark.sql.functions.coalesce;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.not;
import static org.apache.spark.sql.functions.when;

import io.glmimage.io.HadoopSettings;
import io.glmimage.io.Storage;
import io.glmimage.manifest.InternalColumns;
import io.glmimage.manifest.ManifestRow;
import io.glmimage.output.EditedImageFormat;
import io.glmimage.output.OutputLayout;
import io.glmimage.output.ResultColumn;
import io.glmimage.output.ResultStatus;
import io.glmimage.spark.manifest.PlannedRow;
import io.glmimage.spark.manifest.SourceReader;
import io.glmimage.spark.manifest.SqlColumns;
import io.glmimage.spark.results.ResultAssembly;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import org.apache.spark.api.java.function.FlatMapFunction;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;

/**
 * Marks the rows to do among planned rows with their newest results. A row is to do if one of these
 * holds:
 *
 * <ul>
 *   <li>it has no result;
 *   <li>its result has another fingerprint: the row, the options or the model have changed;
 *   <li>it was in work when a later run than its result's ended, so its edited image may be of that
 *       run;
 *   <li>it failed, unless failed rows are to be kept;
 *   <li>with the resume check {@code files}: a source image has changed, or its edited image or its
 *       change map is missing.
 * </ul>
 *
 * <p>Gives the same rows without the result; the values of finished rows are null. Only the check
 * {@code files} looks at rows one by one, because it asks the storage.
 */
final class RowsToDo implements FlatMapFunction<Iterator<Row>, Row> {
  private static final long serialVersionUID = 1L;

  private static final String PURPOSE = "look for finished rows";

  /** What is needed of the newest result of a row. */
  static final List<ResultColumn> RESULT_COLUMNS =
      List.of(
          ResultColumn.STATUS,
          ResultColumn.FINGERPRINT,
          ResultColumn.SOURCES_FINGERPRINT,
          ResultColumn.RUN);

  /** Columns that the check of files needs after all other columns. */
  private static final List<String> CHECKED =
      List.of(
          InternalColumns.FINISHED,
          ResultColumn.STATUS.column(),
          ResultColumn.SOURCES_FINGERPRINT.column());

  private final OutputLayout output;
  private final EditedImageFormat images;
  private final boolean changeMaps;
  private final Broadcast<HadoopSettings> hadoop;

  /**
   * @param images format of the edited images
   * @param changeMaps whether rows with a source image need a change map
   */
  RowsToDo(
      OutputLayout output,
      EditedImageFormat images,
      boolean changeMaps,
      Broadcast<HadoopSettings> hadoop) {
    this.output = output;
    this.images = images;
    this.changeMaps = changeMaps;
    this.hadoop = hadoop;
  }

  /**
   * Marks the rows, with expressions of Spark SQL.
   *
   * @param planned the columns of {@link PlannedRow} and columns that pass through
   * @param results the newest result of each id, with {@link #RESULT_COLUMNS}
   * @param keepFailed whether rows that failed are finished
   * @param runsInWork the newest run that ended with a row in work, by the row's id
   * @param fileCheck also checks the files of finished rows; null if they need not be checked
   */
  static Dataset<Row> marked(
      Dataset<Row> planned,
      Dataset<Row> results,
      boolean keepFailed,
      Map<String, String> runsInWork,
      RowsToDo fileCheck) {
    Column row = col(InternalColumns.ROW);
    Column finished = isFinished(keepFailed, runsInWork);
    List<Column> columns = new ArrayList<>();
    for (String name : planned.columns()) {
      boolean marked = fileCheck == null && name.equals(InternalColumns.ROW);
      columns.add(marked ? when(not(finished), row).as(name) : SqlColumns.of(name));
    }
    Dataset<Row> all = ResultAssembly.withResults(planned, results);
    if (fileCheck == null) {
      return all.select(columns.toArray(Column[]::new));
    }
    columns.add(finished.as(InternalColumns.FINISHED));
    columns.add(ResultAssembly.result(ResultColumn.STATUS));
    columns.add(ResultAssembly.result(ResultColumn.SOURCES_FINGERPRINT));
    return planned
        .sparkSession()
        .createDataFrame(
            all.select(columns.toArray(Column[]::new)).javaRDD().mapPartitions(fileCheck),
            planned.schema());
  }

  /** Whether the result of the row is valid, apart from its files. Never null. */
  private static Column isFinished(boolean keepFailed, Map<String, String> runsInWork) {
    Column same =
        coalesce(
            col(InternalColumns.FINGERPRINT)
                .equalTo(ResultAssembly.result(ResultColumn.FINGERPRINT)),
            lit(false));
    Column kept = ResultAssembly.result(ResultColumn.STATUS).isNotNull();
    if (!keepFailed) {
      kept = isOk();
    }
    return same.and(kept).and(not(mayHaveChanged(runsInWork)));
  }

  /** Whether a later run than that of the result may have written the row's edited image. */
  private static Column mayHaveChanged(Map<String, String> runsInWork) {
    Map<String, List<String>> ids = new TreeMap<>();
    runsInWork.forEach((id, run) -> ids.computeIfAbsent(run, key -> new ArrayList<>()).add(id));
    Column changed = lit(false);
    for (Map.Entry<String, List<String>> run : ids.entrySet()) {
      Column later = ResultAssembly.result(ResultColumn.RUN).geq(run.getKey());
      changed =
          changed.or(
              col(InternalColumns.ID)
                  .isin(run.getValue().toArray())
                  .and(not(coalesce(later, lit(false)))));
    }
    return changed;
  }

  private static Column isOk() {
    return coalesce(
        ResultAssembly.result(ResultColumn.STATUS).equalTo(ResultStatus.OK.name()), lit(false));
  }

  @Override
  public Iterator<Row> call(Iterator<Row> rows) {
    Storage storage = hadoop.value().storage();
    return ConcurrentRows.map(rows, PURPOSE, row -> withoutValuesIfFinished(row, storage));
  }

  /** The planned rows, marked, in their order. */
  List<Row> marked(List<Row> rows, Storage storage, ExecutorService threads) {
    return ConcurrentRows.results(
        rows, threads, PURPOSE, row -> withoutValuesIfFinished(row, storage));
  }

  /** The planned row, without its values if it is finished. */
  private Row withoutValuesIfFinished(Row row, Storage storage) throws IOException {
    boolean finished = row.<Boolean>getAs(InternalColumns.FINISHED);
    if (finished && ResultStatus.OK.name().equals(row.getAs(ResultColumn.STATUS.column()))) {
      finished = filesAreTheSame(row, storage);
    }
    Object[] values = new Object[row.size() - CHECKED.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = row.get(i);
    }
    if (finished) {
      values[row.fieldIndex(InternalColumns.ROW)] = null;
    }
    return RowFactory.create(values);
  }

  private boolean filesAreTheSame(Row row, Storage storage) throws IOException {
    if (!(PlannedRow.of(row).outcome() instanceof ManifestRow valid)) {
      return false;
    }
    try {
      String sources = SourceReader.fingerprint(valid, storage);
      return sources != null
          && sources.equals(row.getAs(ResultColumn.SOURCES_FINGERPRINT.column()))
          && storage.stat(output.image(valid.id(), images)).bytes() > 0
          && (!changeMaps
              || valid.sources().isEmpty()
              || storage.stat(output.changeMap(valid.id())).bytes() > 0);
    } catch (FileNotFoundException e) {
      // The edited image or its map is missing: editing the row again makes it.
      return false;
    }
  }
}
