package io.glmimage.spark.run;

import io.glmimage.io.HadoopSettings;
import io.glmimage.io.Storage;
import io.glmimage.spark.engine.TaskDevice;
import io.glmimage.spark.manifest.PlannedRow;
import io.glmimage.spark.results.TaskLedger;
import io.glmimage.tensor.DeviceName;
import java.io.IOException;
import java.util.Iterator;
import java.util.concurrent.Executor;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.VoidFunction;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.Row;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A Spark task that edits the rows of one partition and saves their results. Rows that an earlier
 * attempt has finished are not edited again.
 */
final class PartitionRunner implements VoidFunction<Iterator<Row>> {
  private static final long serialVersionUID = 1L;
  private static final Logger LOG = LoggerFactory.getLogger(PartitionRunner.class);

  private final PartitionWork work;
  private final Broadcast<HadoopSettings> hadoop;
  private final RunCounters counters;

  PartitionRunner(PartitionWork work, Broadcast<HadoopSettings> hadoop, RunCounters counters) {
    this.work = work;
    this.hadoop = hadoop;
    this.counters = counters;
  }

  /**
   * @param rows with the columns of {@link PlannedRow}
   */
  @Override
  public void call(Iterator<Row> rows) throws IOException {
    TaskContext context = TaskContext.get();
    HadoopSettings settings = hadoop.value();
    Storage storage = settings.storage();

    // 1. Find out what earlier attempts did.
    TaskLedger ledger =
        new TaskLedger(
            storage,
            work.output().layout(),
            work.run(),
            context.partitionId(),
            context.taskAttemptId());
    ledger.open();

    // 2. Edit the other rows. An engine that ignores images needs neither threads nor a device.
    boolean images = work.opener().touchesImages();
    IoThreads threads =
        new IoThreads("images-" + context.partitionId() + "-" + context.attemptNumber());
    Executor io = images ? threads : Runnable::run;
    PartitionAttempt attempt =
        new PartitionAttempt(
            work,
            new RowEditor(
                work,
                counters,
                storage,
                settings.redaction(),
                images ? TaskDevice.of(work.device()) : DeviceName.CPU),
            ledger,
            new ResultRecorder(
                ledger,
                counters,
                settings.redaction(),
                work.output().options().commitSeconds(),
                System::nanoTime),
            WorkRoom.SHARED,
            io);
    boolean finished = false;
    LedgersInUse.SHARED.add(ledger);
    try {
      attempt.run(planned(rows));
      // 3. Merge the results of the partition into one file.
      ledger.complete();
      finished = true;
    } finally {
      threads.close();
      if (!finished) {
        leave(ledger);
      }
      LedgersInUse.SHARED.remove(ledger);
      attempt.leaveRoom();
    }
  }

  private static Iterator<PlannedRow> planned(Iterator<Row> rows) {
    return new Iterator<>() {
      @Override
      public boolean hasNext() {
        return rows.hasNext();
      }

      @Override
      public PlannedRow next() {
        return PlannedRow.of(rows.next());
      }
    };
  }

  /** Saves what is finished, and journals that no row is in work any more. */
  private static void leave(TaskLedger ledger) {
    // The thread of a killed task is interrupted, and cannot write files in that state.
    boolean interrupted = Thread.interrupted();
    try {
      ledger.leave();
    } catch (IOException | RuntimeException e) {
      LOG.warn(
          "Cannot record the end of a failed task; each of its rows in work will run alone: {}",
          e.getMessage());
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
