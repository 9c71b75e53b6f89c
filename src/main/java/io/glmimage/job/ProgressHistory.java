package io.glmimage.job;

import io.glmimage.io.DaemonThreads;
import io.glmimage.output.EditFigures;
import io.glmimage.spark.run.RowProgress;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Records the progress of a run over time for its report. Logs it after a minute, after two, after
 * four, and so on, and at least every half hour.
 */
final class ProgressHistory implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ProgressHistory.class);
  private static final double FIRST_LOG_SECONDS = 60;
  private static final double LONGEST_LOG_SECONDS = 1800;
  private static final long TICK_MILLIS = 1000;

  private final RowProgress progress;
  private final long total;
  private final long start = System.nanoTime();
  private final ScheduledExecutorService timer;
  private final ScheduledFuture<?> ticking;
  private final MomentList moments = new MomentList();
  private double nextLog = FIRST_LOG_SECONDS;

  ProgressHistory(RowProgress progress, long total) {
    this.progress = progress;
    this.total = total;
    this.timer =
        Executors.newSingleThreadScheduledExecutor(DaemonThreads.named("progress-history"));
    this.ticking =
        timer.scheduleAtFixedRate(this::tick, TICK_MILLIS, TICK_MILLIS, TimeUnit.MILLISECONDS);
  }

  private void tick() {
    double seconds = seconds();
    long done = progress.doneRows();
    long failed = progress.failedRows();
    moments.take(seconds, done, failed);
    if (seconds >= nextLog) {
      nextLog += Math.min(nextLog, LONGEST_LOG_SECONDS);
      LOG.info("{}", line(seconds).text());
    }
  }

  private ProgressLine line(double seconds) {
    String waiting = ProgressBar.waiting(Optional.empty(), progress.loadedPercent());
    return new ProgressLine(
        progress.doneRows(), progress.failedRows(), total, seconds, waiting, null);
  }

  List<EditFigures.Moment> moments() {
    return moments.list();
  }

  /** Records the end of the run; does nothing when called again. */
  @Override
  public void close() {
    if (timer.isShutdown()) {
      return;
    }
    ticking.cancel(false);
    timer.shutdown();
    double seconds = seconds();
    moments.end(seconds, progress.doneRows(), progress.failedRows());
    LOG.info("{} after {} s", line(seconds).text(), String.format(Locale.ROOT, "%.1f", seconds));
  }

  private double seconds() {
    return (System.nanoTime() - start) / 1e9;
  }
}
