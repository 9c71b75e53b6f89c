package io.glmimage.spark.run;

import io.glmimage.output.ResultRow;
import io.glmimage.spark.manifest.PlannedRow;
import io.glmimage.spark.results.TaskLedger;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The rows of a partition that were in work when an earlier attempt's process died. Any of them may
 * have killed it. So they run last, each alone, with no other row in work in the process. A row
 * that was alone at {@value #DEATHS_OF_A_CULPRIT} deaths fails without another try.
 */
final class SuspectRows {
  private static final Logger LOG = LoggerFactory.getLogger(SuspectRows.class);

  /**
   * Processes are also killed from outside, while a harmless row happens to be alone in them. This
   * is very unlikely to hit the same row so often.
   */
  static final int DEATHS_OF_A_CULPRIT = 3;

  private final TaskLedger ledger;
  private final RowEditor editor;
  private final ResultRecorder recorder;
  private final WorkRoom.Visitor visitor;
  private final Executor io;
  private final List<PlannedRow> rows = new ArrayList<>();

  SuspectRows(
      TaskLedger ledger,
      RowEditor editor,
      ResultRecorder recorder,
      WorkRoom.Visitor visitor,
      Executor io) {
    this.ledger = ledger;
    this.editor = editor;
    this.recorder = recorder;
    this.visitor = visitor;
    this.io = io;
  }

  /** Keeps a row for the end if it is suspect. */
  boolean keep(PlannedRow row) {
    return ledger.isSuspect(row.id()) && rows.add(row);
  }

  /** Gives each suspect row its result. */
  void run() {
    for (PlannedRow row : rows) {
      int deaths = ledger.deaths(row.id());
      if (deaths >= DEATHS_OF_A_CULPRIT) {
        recorder.add(List.of(editor.crashed(row, deaths)));
        recorder.flush();
      } else {
        editAlone(row);
      }
    }
  }

  private void editAlone(PlannedRow row) {
    // Saves the other rows first, in case this one kills the process.
    recorder.flush();
    visitor.enterAlone();
    LOG.warn("Row {} was in work when a process died: running it alone", row.id());
    Iterator<PlannedRow> single = List.of(row).iterator();
    try (RowPipeline<PlannedRow, ResultRow> pipeline =
        new RowPipeline<>(
            () -> single.hasNext() ? Optional.of(single.next()) : Optional.empty(),
            editor,
            all -> recorder.alone(row),
            io,
            new RowPipeline.Flow(1, RowPipeline.Order.AS_FINISHED))) {
      recorder.add(pipeline.next(Long.MAX_VALUE));
    }
    recorder.flush();
    visitor.leave();
  }
}
