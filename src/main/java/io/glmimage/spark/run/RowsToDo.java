package io.glmimage.spark.run;

import io.glmimage.error.JobException;
import io.glmimage.io.HadoopSettings;
import io.glmimage.io.Storage;
import io.glmimage.manifest.ManifestRow;
import io.glmimage.manifest.RowReader;
import io.glmimage.output.EditedImageFormat;
import io.glmimage.output.OutputLayout;
import io.glmimage.output.OutputOptions;
import io.glmimage.output.OutputOptions.ResumeCheck;
import io.glmimage.output.ResultStatus;
import io.glmimage.spark.manifest.ManifestTable;
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
 * Finds the rows to do, among rows with the line that earlier runs may have left of each: those
 * without a line, those whose line was made of something else, those that were in work when a run
 * ended and may have a picture of it, failed ones, and those whose files have changed.
 *
 * <p>Takes the columns of {@link ManifestTable#rows}, and of the line: status, fingerprint,
 * sources' fingerprint. Gives the first ones.
 */
final class RowsToDo implements FlatMapFunction<Iterator<Row>, Row> {
  private static final long serialVersionUID = 1L;

  /** Requests to an object store take some 30 ms each, nearly all of it waiting. */
  private static final int THREADS = 16;

  private static final int CHUNK = 512;

  /** What {@link ManifestTable#rows} gives, before the line's. */
  private static final int ROW_COLUMNS = 5;

  private final RowReader reader;
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
      RowReader reader,
      OutputLayout output,
      EditedImageFormat pictures,
      OutputOptions options,
      Set<String> dirty,
      Broadcast<HadoopSettings> hadoop) {
    this.reader = reader;
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
    List<Row> toDo = new ArrayList<>();
    for (int i = 0; i < rows.size(); i++) {
      if (found.get(i) != null || (checks.get(i) != null && !answer(checks.get(i)))) {
        Row row = rows.get(i);
        Object[] values = new Object[ROW_COLUMNS];
        for (int c = 0; c < ROW_COLUMNS; c++) {
          values[c] = row.get(c);
        }
        toDo.add(RowFactory.create(values));
      }
    }
    return toDo;
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
    return !row.isNullAt(ROW_COLUMNS)
        && row.getString(2).equals(row.get(ROW_COLUMNS + 1))
        && !dirty.contains(row.getString(1))
        && (isOk(row) || options.keepFailed());
  }

  private static boolean isOk(Row row) {
    return ResultStatus.OK.name().equals(row.get(ROW_COLUMNS));
  }

  private boolean filesAreTheSame(Row row, Storage storage) throws IOException {
    Row fields = row.getStruct(3);
    Object[] values = ManifestTable.values(fields, fields.size(), reader.schema());
    if (!(reader.read(row.getLong(0), row.getString(1), values) instanceof ManifestRow valid)) {
      return false;
    }
    try {
      String sources = SourceReader.fingerprint(valid, storage);
      return sources != null
          && sources.equals(row.get(ROW_COLUMNS + 2))
          && storage.stat(output.image(valid.id(), pictures)).bytes() > 0;
    } catch (FileNotFoundException e) {
      // The picture or a source is gone: doing the row again makes it, or says what is missing.
      return false;
    }
  }
}
