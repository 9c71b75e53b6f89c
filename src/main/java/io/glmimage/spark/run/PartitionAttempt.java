package io.glmimage.spark.run;

import io.glmimage.output.ResultRow;
import io.glmimage.spark.manifest.PlannedRow;
import io.glmimage.spark.results.TaskLedger;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executor;

/** One attempt at the rows of a partition: many at a time, and suspect rows at the end. */
final class PartitionAttempt {
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
    Optional<PlannedRow> first = nextRow(rows);
    while (first.isPresent()) {
      visitor.enter();
      editRows(first, rows);
      first = nextRow(rows);
      if (first.isPresent()) {
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

  /** Edits rows until none are left, or another task waits to be alone. */
  private void editRows(Optional<PlannedRow> first, Iterator<PlannedRow> rows) {
    Iterator<Optional<PlannedRow>> start = List.of(first).iterator();
    try (RowPipeline<PlannedRow, ResultRow> pipeline =
        new RowPipeline<>(
            () ->
                start.hasNext() ? start.next() : room.isWanted() ? Optional.empty() : nextRow(rows),
            editor,
            recorder::working,
            io,
            new RowPipeline.Flow(work.batchSize(), RowPipeline.Order.AS_FINISHED))) {
      while (!pipeline.isDone()) {
        recorder.add(pipeline.next(recorder.nanosUntilSave()));
      }
    }
  }

  /** The next row that is neither finished nor suspect. Empty at the end. */
  private Optional<PlannedRow> nextRow(Iterator<PlannedRow> rows) {
    while (rows.hasNext()) {
      PlannedRow row = rows.next();
      if (!recorder.countFinished(row.id()) && !suspects.keep(row)) {
        return Optional.of(row);
      }
    }
    return Optional.empty();
  }
}
