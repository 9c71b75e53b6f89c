package io.glmimage.job;

import io.glmimage.spark.RowProgress;
import java.io.PrintWriter;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;

/**
 * Shows progress on the driver until it is closed: a bar that is drawn over on a terminal, else a
 * line now and then.
 */
final class ProgressBar implements AutoCloseable {
  static final double TERMINAL_SECONDS = 0.5;
  static final double LOG_SECONDS = 10;

  private final RowProgress progress;
  private final long total;
  private final PrintWriter err;
  private final boolean terminal;
  private final long start = System.nanoTime();
  private final ScheduledExecutorService timer;
  private final ScheduledFuture<?> ticking;
  private int drawn;

  ProgressBar(RowProgress progress, long total, Console console) {
    this.progress = progress;
    this.total = total;
    this.err = console.err();
    this.terminal = console.terminal();
    this.timer =
        Executors.newSingleThreadScheduledExecutor(
            task -> {
              Thread thread = new Thread(task, "progress");
              thread.setDaemon(true);
              return thread;
            });
    long period = (long) ((terminal ? TERMINAL_SECONDS : LOG_SECONDS) * 1000);
    this.ticking = timer.scheduleAtFixedRate(this::show, period, period, TimeUnit.MILLISECONDS);
  }

  private synchronized void show() {
    String text =
        new ProgressLine(
                progress.doneRows(),
                progress.failedRows(),
                total,
                (System.nanoTime() - start) / 1e9)
            .text();
    if (terminal) {
      // Blanks over the rest of a longer line before.
      err.print("\r" + text + " ".repeat(Math.max(0, drawn - text.length())));
      drawn = text.length();
    } else {
      err.println(text);
    }
    err.flush();
  }

  /** Shows the last state. */
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
