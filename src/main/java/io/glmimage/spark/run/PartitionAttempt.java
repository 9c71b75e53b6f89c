package io.glmimage.spark.run;

import io.glmimage.output.ResultRow;
import io.glmimage.spark.manifest.PlannedRow;
import io.glmimage.spark.results.TaskLedger;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.Executor;

/** One attempt at the rows of a partition: batch by batch, and suspect rows at the end. */
final class PartitionAttempt {
  /** Number of batches that may wait to be written while another one is in the engine. */
  static final int BATCHES_BEING_WRITTEN = 2;

  private final PartitionWork work;
  private final RowEditor editor;
  private final ResultRecorder recorder;
  private final WorkRoom room;
  private final WorkRoom.Visitor visitor;
  private final SuspectRows suspects;
  private final Executor io;

  /**
   * @param ledger opened
   * @param room of the tasks of this process
   * @param io runs reads and writes
   */
  PartitionAttempt(
      PartitionWork work,
      RowEditor editor,
      TaskLedger ledger,
      ResultRecorder recorder,
      WorkRoom room,
      Executor io) {
    this.work = work;
    this.editor = editor;
    this.recorder = recorder;
    this.room = room;
    this.visitor = room.visitor();
    this.suspects = new SuspectRows(ledger, editor, recorder, visitor, io);
    this.io = io;
  }

  /** Gives every row its result, unless an earlier attempt did. */
  void run(Iterator<PlannedRow> rows) {
    List<PlannedRow> batch = nextBatch(rows);
    while (!batch.isEmpty()) {
      visitor.enter();
      editBatches(batch, rows);
      batch = nextBatch(rows);
      if (!batch.isEmpty()) {
        // Another task of this process has a row that must be alone: make way for it.
        recorder.idle();
      }
      visitor.leave();
    }
    suspects.run();
  }

  /**
   * Leaves the room if the attempt ended inside it. To be called when no row of the attempt can be
   * in work any more.
   */
  void leaveRoom() {
    visitor.leave();
  }

  /** Edits batches until no rows are left, or another task waits to be alone. */
  private void editBatches(List<PlannedRow> first, Iterator<PlannedRow> rows) {
    Iterator<List<PlannedRow>> start = List.of(first).iterator();
    BatchPipeline<PlannedRow, ResultRow> pipeline =
        new BatchPipeline<>(
            () -> start.hasNext() ? start.next() : room.isWanted() ? List.of() : nextBatch(rows),
            editor,
            recorder::working,
            io,
            BATCHES_BEING_WRITTEN);
    List<ResultRow> results = pipeline.next();
    while (!results.isEmpty()) {
      recorder.add(results);
      results = pipeline.next();
    }
  }

  /** The rows of the next batch: neither finished nor suspect. Empty at the end. */
  private List<PlannedRow> nextBatch(Iterator<PlannedRow> rows) {
    List<PlannedRow> batch = new ArrayList<>(work.batchSize());
    while (batch.size() < work.batchSize() && rows.hasNext()) {
      PlannedRow row = rows.next();
      if (!recorder.countFinished(row.id()) && !suspects.keep(row)) {
        batch.add(row);
      }
    }
    return batch;
  }
}
