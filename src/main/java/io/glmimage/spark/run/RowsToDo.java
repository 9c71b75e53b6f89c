package io.glmimage.spark.run;

import io.glmimage.error.JobException;
import io.glmimage.io.HadoopSettings;
import io.glmimage.io.Storage;
import io.glmimage.manifest.InternalColumns;
import io.glmimage.manifest.ManifestRow;
import io.glmimage.output.EditedImageFormat;
import io.glmimage.output.OutputLayout;
import io.glmimage.output.OutputOptions;
import io.glmimage.output.OutputOptions.ResumeCheck;
import io.glmimage.output.ResultColumn;
import io.glmimage.output.ResultStatus;
import io.glmimage.spark.manifest.PlannedRow;
import io.glmimage.spark.manifest.SourceReader;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.FlatMapFunction;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.util.TaskCompletionListener;

/**
 * Marks the rows to do among planned rows with their newest results: rows without a result, rows
 * whose result belongs to another fingerprint, rows that were in work when a run ended and may have
 * an edited image of that run, failed rows, and rows whose files have changed.
 *
 * <p>Takes the columns of {@link PlannedRow}, columns that pass through, and {@link
 * #RESULT_COLUMNS}. Gives the same rows without the result; rows that are done have no values.
 */
final class RowsToDo implements FlatMapFunction<Iterator<Row>, Row> {
  private static final long serialVersionUID = 1L;

  /** Requests to an object store take some 30 ms each, nearly all of it waiting. */
  private static final int THREADS = 16;

  private static final int CHUNK = 512;

  /** Columns of a row's newest result, which follow those of the planned row. */
  static final List<ResultColumn> RESULT_COLUMNS =
      List.of(ResultColumn.STATUS, ResultColumn.FINGERPRINT, ResultColumn.SOURCES_FINGERPRINT);

  private final OutputLayout output;
  private final EditedImageFormat pictures;
  private final OutputOptions options;
  private final Set<String> dirty;
  private final Broadcast<HadoopSettings> hadoop;

  /**
   * @param pictures how they are encoded, or null where none are made
   * @param dirty ids of rows that were in work when their run ended
   */
  RowsToDo(
      OutputLayout output,
      EditedImageFormat pictures,
      OutputOptions options,
      Set<String> dirty,
      Broadcast<HadoopSettings> hadoop) {
    this.output = output;
    this.pictures = pictures;
    this.options = options;
    this.dirty = Set.copyOf(dirty);
    this.hadoop = hadoop;
  }

  @Override
  public Iterator<Row> call(Iterator<Row> rows) {
    Storage storage = hadoop.value().storage();
    ExecutorService threads =
        Executors.newFixedThreadPool(
            THREADS,
            task -> {
              Thread thread = new Thread(task, "resume-check");
              thread.setDaemon(true);
              return thread;
            });
    TaskCompletionListener end = context -> threads.shutdownNow();
    TaskContext.get().addTaskCompletionListener(end);
    return new Iterator<>() {
      private final List<Row> ready = new ArrayList<>();
      private int next;

      @Override
      public boolean hasNext() {
        while (next == ready.size() && rows.hasNext()) {
          ready.clear();
          next = 0;
          List<Row> chunk = new ArrayList<>();
          while (chunk.size() < CHUNK && rows.hasNext()) {
            chunk.add(rows.next());
          }
          ready.addAll(toDo(chunk, storage, threads));
        }
        return next < ready.size();
      }

      @Override
      public Row next() {
        if (!hasNext()) {
          throw new NoSuchElementException();
        }
        return ready.get(next++);
      }
    };
  }

  private List<Row> toDo(List<Row> rows, Storage storage, ExecutorService threads) {
    List<Future<Boolean>> checks = new ArrayList<>();
    List<Row> found = new ArrayList<>();
    for (Row row : rows) {
      boolean kept = isDone(row);
      boolean look = kept && pictures != null && options.check() == ResumeCheck.FILES && isOk(row);
      checks.add(look ? threads.submit(() -> filesAreTheSame(row, storage)) : null);
      found.add(kept ? null : row);
    }
    List<Row> marked = new ArrayList<>();
    for (int i = 0; i < rows.size(); i++) {
      boolean toDo = found.get(i) != null || (checks.get(i) != null && !answer(checks.get(i)));
      marked.add(marked(rows.get(i), toDo));
    }
    return marked;
  }

  /** The planned row, without its values if it is done. */
  private static Row marked(Row row, boolean toDo) {
    Object[] values = new Object[row.size() - RESULT_COLUMNS.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = row.get(i);
    }
    if (!toDo) {
      values[row.fieldIndex(InternalColumns.ROW)] = null;
    }
    return RowFactory.create(values);
  }

  private static boolean answer(Future<Boolean> check) {
    try {
      return check.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new JobException("Interrupted while looking for what is done", e);
    } catch (ExecutionException e) {
      throw new JobException("Cannot look for what is done: " + e.getCause().getMessage(), e);
    }
  }

  private boolean isDone(Row row) {
    String fingerprint = row.getAs(InternalColumns.FINGERPRINT);
    return row.getAs(ResultColumn.STATUS.column()) != null
        && fingerprint.equals(row.getAs(ResultColumn.FINGERPRINT.column()))
        && !dirty.contains(row.<String>getAs(InternalColumns.ID))
        && (isOk(row) || options.keepFailed());
  }

  private static boolean isOk(Row row) {
    return ResultStatus.OK.name().equals(row.getAs(ResultColumn.STATUS.column()));
  }

  private boolean filesAreTheSame(Row row, Storage storage) throws IOException {
    if (!(PlannedRow.of(row).outcome() instanceof ManifestRow valid)) {
      return false;
    }
    try {
      String sources = SourceReader.fingerprint(valid, storage);
      return sources != null
          && sources.equals(row.getAs(ResultColumn.SOURCES_FINGERPRINT.column()))
          && storage.stat(output.image(valid.id(), pictures)).bytes() > 0;
    } catch (FileNotFoundException e) {
      // The picture or a source is gone: doing the row again makes it, or says what is missing.
      return false;
    }
  }
}
