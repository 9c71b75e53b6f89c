package io.glmimage.job;

import io.glmimage.output.RunFigures;
import io.glmimage.spark.RowProgress;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Remembers how far a job was when, for its report, and logs it once a minute. However long the job
 * runs, it remembers a few hundred moments: when there are too many, every second one is forgotten
 * and the next ones are taken half as often.
 */
final class ProgressHistory implements AutoCloseable {
  static final int MOST_MOMENTS = 240;
  private static final Logger LOG = LoggerFactory.getLogger(ProgressHistory.class);
  private static final double LOG_SECONDS = 60;
  private static final long TICK_MILLIS = 1000;

  private final RowProgress progress;
  private final long total;
  private final long start = System.nanoTime();
  private final ScheduledExecutorService timer;
  private final ScheduledFuture<?> ticking;
  private final List<RunFigures.Moment> moments = new ArrayList<>();
  private double period = TICK_MILLIS / 1000.0;
  private double nextLog = LOG_SECONDS;

  ProgressHistory(RowProgress progress, long total) {
    this.progress = progress;
    this.total = total;
    this.timer =
        Executors.newSingleThreadScheduledExecutor(
            task -> {
              Thread thread = new Thread(task, "progress-history");
              thread.setDaemon(true);
              return thread;
            });
    moments.add(new RunFigures.Moment(0, 0, 0));
    this.ticking =
        timer.scheduleAtFixedRate(this::tick, TICK_MILLIS, TICK_MILLIS, TimeUnit.MILLISECONDS);
  }

  private void tick() {
    take((System.nanoTime() - start) / 1e9, progress.doneRows(), progress.failedRows());
  }

  /** Notes a moment if the last one is long enough ago. */
  synchronized void take(double seconds, long done, long failed) {
    if (seconds >= nextLog) {
      nextLog += LOG_SECONDS;
      LOG.info("{}", new ProgressLine(done, failed, total, seconds).text());
    }
    if (seconds - moments.get(moments.size() - 1).seconds() < 0.99 * period) {
      return;
    }
    moments.add(new RunFigures.Moment(round(seconds), done, failed));
    if (moments.size() > MOST_MOMENTS) {
      List<RunFigures.Moment> kept = new ArrayList<>();
      for (int i = 0; i < moments.size(); i += 2) {
        kept.add(moments.get(i));
      }
      moments.clear();
      moments.addAll(kept);
      period *= 2;
    }
  }

  synchronized List<RunFigures.Moment> moments() {
    return List.copyOf(moments);
  }

  /** Notes the end; a second time nothing happens. */
  @Override
  public void close() {
    if (timer.isShutdown()) {
      return;
    }
    ticking.cancel(false);
    timer.shutdown();
    double seconds = (System.nanoTime() - start) / 1e9;
    synchronized (this) {
      RunFigures.Moment last = moments.get(moments.size() - 1);
      if (seconds > last.seconds() + 1e-3) {
        moments.add(
            new RunFigures.Moment(round(seconds), progress.doneRows(), progress.failedRows()));
      }
    }
    LOG.info(
        "{} after {} s",
        new ProgressLine(progress.doneRows(), progress.failedRows(), total, seconds).text(),
        String.format(Locale.ROOT, "%.1f", seconds));
  }

  private static double round(double seconds) {
    return Math.round(seconds * 1000) / 1000.0;
  }
}
