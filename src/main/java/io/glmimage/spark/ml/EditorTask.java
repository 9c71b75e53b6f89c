package io.glmimage.spark.ml;

import io.glmimage.io.HadoopSettings;
import io.glmimage.spark.engine.EngineOpener;
import io.glmimage.spark.engine.TaskDevice;
import io.glmimage.spark.run.IoThreads;
import io.glmimage.spark.run.RowPipeline;
import io.glmimage.tensor.DeviceName;
import java.util.Collections;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Optional;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.Row;
import org.apache.spark.util.TaskCompletionListener;

/**
 * Runs {@link ImageEditor} on one partition. Rows are edited when they are requested; at most
 * {@link EditorSettings#batchSize} rows are in work or wait to be requested.
 */
final class EditorTask implements MapPartitionsFunction<Row, Row> {
  private static final long serialVersionUID = 1L;

  private final EditorSettings settings;
  private final EngineOpener opener;
  private final DeviceName device;
  private final Broadcast<HadoopSettings> hadoop;

  EditorTask(
      EditorSettings settings,
      EngineOpener opener,
      DeviceName device,
      Broadcast<HadoopSettings> hadoop) {
    this.settings = settings;
    this.opener = opener;
    this.device = device;
    this.hadoop = hadoop;
  }

  @Override
  public Iterator<Row> call(Iterator<Row> rows) {
    TaskContext task = TaskContext.get();
    int partition = task.partitionId();
    IoThreads threads = new IoThreads("editor-" + partition + "-" + task.attemptNumber());
    EditorSteps steps = new EditorSteps(settings, opener, TaskDevice.of(device), hadoop.value());
    RowPipeline<EditorSteps.NamedRow, Row> pipeline =
        new RowPipeline<>(
            new NamedRows(rows, partition)::next,
            steps,
            inWork -> {},
            threads,
            new RowPipeline.Flow(settings.batchSize(), RowPipeline.Order.OF_ROWS));
    // The caller may stop before the last row.
    TaskCompletionListener end =
        context -> {
          pipeline.close();
          threads.close();
        };
    task.addTaskCompletionListener(end);
    return new EditedRows(pipeline);
  }

  /** The rows of the partition with their names. */
  private static final class NamedRows {
    private final Iterator<Row> rows;
    private final int partition;
    private long count;

    NamedRows(Iterator<Row> rows, int partition) {
      this.rows = rows;
      this.partition = partition;
    }

    /** The next row; empty at the end. */
    Optional<EditorSteps.NamedRow> next() {
      return rows.hasNext()
          ? Optional.of(
              new EditorSteps.NamedRow(
                  rows.next(), "row " + count++ + " of partition " + partition))
          : Optional.empty();
    }
  }

  private static final class EditedRows implements Iterator<Row> {
    private final RowPipeline<EditorSteps.NamedRow, Row> pipeline;
    private Iterator<Row> ready = Collections.emptyIterator();

    EditedRows(RowPipeline<EditorSteps.NamedRow, Row> pipeline) {
      this.pipeline = pipeline;
    }

    @Override
    public boolean hasNext() {
      while (!ready.hasNext() && !pipeline.isDone()) {
        ready = pipeline.next(Long.MAX_VALUE).iterator();
      }
      return ready.hasNext();
    }

    @Override
    public Row next() {
      if (!hasNext()) {
        throw new NoSuchElementException();
      }
      return ready.next();
    }
  }
}
