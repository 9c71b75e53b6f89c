package io.glmimage.spark.run;

import io.glmimage.error.JobException;
import io.glmimage.error.Redaction;
import io.glmimage.output.LedgerJson;
import io.glmimage.output.ResultRow;
import io.glmimage.output.ResultStatus;
import io.glmimage.spark.engine.JobMetrics;
import io.glmimage.spark.manifest.PlannedRow;
import io.glmimage.spark.results.TaskLedger;
import java.io.IOException;
import java.util.List;
import java.util.function.LongSupplier;

/** Writes the results of one attempt to its ledger, and counts them. */
final class ResultRecorder {
  private final TaskLedger ledger;
  private final RunCounters counters;
  private final Redaction redaction;
  private final double commitSeconds;
  private final LongSupplier nanoClock;
  private long flushed;
  private boolean isUnsaved;

  /**
   * @param commitSeconds longest time, in seconds, that a finished row may stay unsaved
   */
  ResultRecorder(
      TaskLedger ledger,
      RunCounters counters,
      Redaction redaction,
      double commitSeconds,
      LongSupplier nanoClock) {
    this.ledger = ledger;
    this.counters = counters;
    this.redaction = redaction;
    this.commitSeconds = commitSeconds;
    this.nanoClock = nanoClock;
    this.flushed = nanoClock.getAsLong();
  }

  /** Counts a row that an earlier attempt has finished; false if there is no such row. */
  boolean countFinished(String id) {
    String line = ledger.finished().get(id);
    if (line == null) {
      return false;
    }
    try {
      counters.count(LedgerJson.isFailed(line));
    } catch (IOException e) {
      throw new JobException(
          "Cannot read the result of row " + id + " from an earlier attempt: " + e.getMessage(), e);
    }
    return true;
  }

  /** Adds results; saves all if the last save was long enough ago. */
  void add(List<ResultRow> results) {
    results.forEach(this::add);
    if (nanosUntilSave() <= 0) {
      flush();
    }
  }

  /** When {@link #add} should be called again although no row is finished, to save results. */
  long nanosUntilSave() {
    return isUnsaved
        ? (long) (commitSeconds * 1e9) - (nanoClock.getAsLong() - flushed)
        : Long.MAX_VALUE;
  }

  private void add(ResultRow result) {
    isUnsaved = true;
    ledger.add(result.row().id(), LedgerJson.row(result.values(redaction)));
    counters.count(result.status() == ResultStatus.FAILED);
    JobMetrics.get().count(result);
  }

  /** Saves all results that are not saved yet. */
  void flush() {
    try {
      ledger.flush();
    } catch (IOException e) {
      throw cannotWrite("the results of finished rows", e);
    }
    flushed = nanoClock.getAsLong();
    isUnsaved = false;
  }

  /** Journals rows that are in work. Other tasks of the process may have rows in work, too. */
  void working(List<PlannedRow> rows) {
    try {
      ledger.working(rows.stream().map(PlannedRow::id).toList());
    } catch (IOException e) {
      throw cannotWrite("the journal of the run", e);
    }
  }

  /** Journals the only row that is in work in this process. */
  void alone(PlannedRow row) {
    try {
      ledger.alone(row.id());
    } catch (IOException e) {
      throw cannotWrite("the journal of the run", e);
    }
  }

  /** Saves all results and journals that no row is in work. */
  void idle() {
    flush();
    try {
      ledger.idle();
    } catch (IOException e) {
      throw cannotWrite("the journal of the run", e);
    }
  }

  private JobException cannotWrite(String what, IOException e) {
    return new JobException(redaction.apply("Cannot write " + what + ": " + e.getMessage()), e);
  }
}
