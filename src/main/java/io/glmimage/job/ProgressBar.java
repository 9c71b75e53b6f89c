package io.glmimage.job;

import io.glmimage.io.DaemonThreads;
import io.glmimage.spark.run.RowProgress;
import io.glmimage.spark.weights.WeightsStatus;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * Shows the progress of a run on the driver until it is closed. On a terminal this is a bar that is
 * redrawn in place, otherwise a line from time to time.
 */
final class ProgressBar implements AutoCloseable {
  static final double TERMINAL_SECONDS = 0.5;
  static final double LOG_SECONDS = 10;

  private final RowProgress progress;
  private final long total;
  private final Supplier<Optional<WeightsStatus>> sending;
  private final PrintWriter err;
  private final boolean terminal;
  private final long start = System.nanoTime();
  private final ScheduledExecutorService timer;
  private final ScheduledFuture<?> ticking;
  private int drawn;

  /**
   * @param sending progress of sending the model to the executors; empty if it is not sent
   */
  ProgressBar(
      RowProgress progress,
      long total,
      Supplier<Optional<WeightsStatus>> sending,
      Console console) {
    this.progress = progress;
    this.sending = sending;
    this.total = total;
    this.err = console.err();
    this.terminal = console.terminal();
    this.timer = Executors.newSingleThreadScheduledExecutor(DaemonThreads.named("progress"));
    long period = (long) ((terminal ? TERMINAL_SECONDS : LOG_SECONDS) * 1000);
    this.ticking = timer.scheduleAtFixedRate(this::show, period, period, TimeUnit.MILLISECONDS);
  }

  private synchronized void show() {
    String text =
        new ProgressLine(
                progress.doneRows(),
                progress.failedRows(),
                total,
                (System.nanoTime() - start) / 1e9,
                waiting(sending.get(), progress.loadedPercent()))
            .text();
    if (terminal) {
      // Blanks erase the rest of a longer line.
      err.print("\r" + text + " ".repeat(Math.max(0, drawn - text.length())));
      drawn = text.length();
    } else {
      err.println(text);
    }
    err.flush();
  }

  /**
   * What the first row waits for.
   *
   * @param loadedPercent -1 if unknown
   */
  static String waiting(Optional<WeightsStatus> sending, int loadedPercent) {
    if (sending.isPresent() && sending.get().nodes().receiving() > 0) {
      WeightsStatus status = sending.get();
      long percent = Math.min(100, status.readBytes() * 100 / Math.max(1, status.totalBytes()));
      return String.format(
          Locale.ROOT,
          "sending the model, %d %% of %.1f GB, %d node(s) receiving, %d ready",
          percent,
          status.totalBytes() / 1e9,
          status.nodes().receiving(),
          status.nodes().ready());
    }
    return loadedPercent < 0 || loadedPercent >= 100
        ? "loading the model"
        : "loading the model, " + loadedPercent + " %";
  }

  /** Shows the final state. */
  @Override
  public void close() {
    ticking.cancel(false);
    timer.shutdown();
    show();
    if (terminal) {
      err.println();
      err.flush();
    }
  }
}
