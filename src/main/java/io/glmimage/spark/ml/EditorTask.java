package io.glmimage.spark.ml;

import io.glmimage.io.HadoopSettings;
import io.glmimage.spark.engine.EngineOpener;
import io.glmimage.spark.engine.TaskDevice;
import io.glmimage.spark.run.BatchPipeline;
import io.glmimage.spark.run.IoThreads;
import io.glmimage.tensor.DeviceName;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.Row;
import org.apache.spark.util.TaskCompletionListener;

/**
 * Runs {@link ImageEditor} on one partition. Rows are edited when they are requested, and at most
 * {@value #BATCHES_BEING_WRITTEN} batch ahead of them.
 */
final class EditorTask implements MapPartitionsFunction<Row, Row> {
  private static final long serialVersionUID = 1L;

  /** Number of batches that may wait to be encoded while another one is in the engine. */
  private static final int BATCHES_BEING_WRITTEN = 1;

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
    // The caller may stop before the last row.
    TaskCompletionListener end = context -> threads.close();
    task.addTaskCompletionListener(end);
    EditorSteps steps = new EditorSteps(settings, opener, TaskDevice.of(device), hadoop.value());
    return new EditedRows(
        new BatchPipeline<>(
            new Batches(rows, settings.batchSize(), partition)::next,
            steps,
            inWork -> {},
            threads,
            BATCHES_BEING_WRITTEN));
  }

  /** The rows of the partition in batches. */
  private static final class Batches {
    private final Iterator<Row> rows;
    private final int size;
    private final int partition;
    private long count;

    Batches(Iterator<Row> rows, int size, int partition) {
      this.rows = rows;
      this.size = size;
      this.partition = partition;
    }

    /** The next batch; empty at the end. */
    List<EditorSteps.NamedRow> next() {
      List<EditorSteps.NamedRow> batch = new ArrayList<>();
      while (batch.size() < size && rows.hasNext()) {
        String name = "row " + count++ + " of partition " + partition;
        batch.add(new EditorSteps.NamedRow(rows.next(), name));
      }
      return batch;
    }
  }

  private static final class EditedRows implements Iterator<Row> {
    private final BatchPipeline<EditorSteps.NamedRow, Row> pipeline;
    private Iterator<Row> ready = Collections.emptyIterator();
    private boolean ended;

    EditedRows(BatchPipeline<EditorSteps.NamedRow, Row> pipeline) {
      this.pipeline = pipeline;
    }

    @Override
    public boolean hasNext() {
      if (!ended && !ready.hasNext()) {
        List<Row> batch = pipeline.next();
        ready = batch.iterator();
        ended = batch.isEmpty();
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
