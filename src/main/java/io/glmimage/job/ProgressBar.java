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
 * Shows on the driver what a run is doing, from its start until it is closed: a line that is
 * redrawn in place on a terminal, otherwise a line from time to time, or nothing.
 */
final class ProgressBar implements AutoCloseable {
  static final double TERMINAL_SECONDS = 0.5;
  static final double LOG_SECONDS = 10;

  private final PrintWriter err;
  private final boolean terminal;
  private final boolean shown;
  private final ScheduledExecutorService timer;
  private final ScheduledFuture<?> ticking;
  private long start = System.nanoTime();
  private Edit edit;
  private String doing;
  private int drawn;

  /**
   * What an edit shows.
   *
   * @param sending progress of sending the model to the executors; empty if it is not sent
   * @param cost so far; null if there is no price
   */
  record Edit(
      RowProgress progress,
      long total,
      Supplier<Optional<WeightsStatus>> sending,
      Supplier<Double> cost) {}

  /**
   * @param doing what the run does first
   */
  ProgressBar(Console console, ProgressMode mode, String doing) {
    this.err = console.err();
    this.terminal = console.terminal();
    this.shown = mode == ProgressMode.ON || (mode == ProgressMode.AUTO && terminal);
    this.timer = Executors.newSingleThreadScheduledExecutor(DaemonThreads.named("progress"));
    begin(doing);
    long period = (long) ((terminal ? TERMINAL_SECONDS : LOG_SECONDS) * 1000);
    this.ticking =
        shown ? timer.scheduleAtFixedRate(this::show, period, period, TimeUnit.MILLISECONDS) : null;
  }

  /** Says what the run does from now on, such as "Read the manifest rows.csv". */
  synchronized void begin(String work) {
    endLine();
    doing = work;
    edit = null;
    start = System.nanoTime();
    if (shown) {
      show();
    }
  }

  /** Rows that are shown until this is closed. */
  interface Shown extends AutoCloseable {
    @Override
    void close();
  }

  /** Shows rows from now on. */
  synchronized Shown begin(Edit rows) {
    begin("Edit");
    edit = rows;
    return () -> begin("Finish the edit");
  }

  /** Prints a line that stays. */
  synchronized void say(String line) {
    erase();
    err.println(line);
    err.flush();
  }

  private synchronized void show() {
    String text = text((System.nanoTime() - start) / 1e9);
    if (terminal) {
      // Blanks erase the rest of a longer line.
      err.print("\r" + text + " ".repeat(Math.max(0, drawn - text.length())));
      drawn = text.length();
    } else {
      err.println(text);
    }
    err.flush();
  }

  private String text(double seconds) {
    if (edit == null) {
      return doing + ", " + ProgressLine.clock(seconds);
    }
    return new ProgressLine(
            edit.progress().doneRows(),
            edit.progress().failedRows(),
            edit.total(),
            seconds,
            waiting(edit.sending().get(), edit.progress().loadedPercent()),
            edit.cost().get())
        .text();
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
          "sending the model, %d %% of %.1f GB, %.0f MB/s, %d node(s) receiving, %d ready",
          percent,
          status.totalBytes() / 1e9,
          status.megabytesPerSecond(),
          status.nodes().receiving(),
          status.nodes().ready());
    }
    if (loadedPercent >= 100) {
      return "editing the first rows";
    }
    return loadedPercent < 0 ? "loading the model" : "loading the model, " + loadedPercent + " %";
  }

  /** The state of an edit stays, other lines are erased. */
  private void endLine() {
    if (edit != null && shown) {
      show();
      if (terminal) {
        err.println();
        drawn = 0;
      }
    }
    erase();
  }

  private void erase() {
    if (drawn > 0) {
      err.print("\r" + " ".repeat(drawn) + "\r");
      err.flush();
      drawn = 0;
    }
  }

  /** Shows the final state of an edit. */
  @Override
  public synchronized void close() {
    if (ticking != null) {
      ticking.cancel(false);
    }
    timer.shutdown();
    endLine();
    edit = null;
    err.flush();
  }
}
