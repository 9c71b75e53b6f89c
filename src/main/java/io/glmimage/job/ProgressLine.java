package io.glmimage.job;

import io.glmimage.error.Wording;
import java.util.Locale;

/**
 * The progress of a run in one line.
 *
 * @param done finished rows, failed rows included
 * @param failed failed rows
 * @param total rows to do
 * @param seconds since the run began to edit
 * @param waiting what the first row waits for
 * @param cost so far; null if there is no price
 */
record ProgressLine(
    long done, long failed, long total, double seconds, String waiting, Double cost) {
  private static final int BAR_CHARS = 30;

  ProgressLine {
    // A repeated task counts its rows again.
    done = Math.max(0, Math.min(done, total));
    failed = Math.max(0, Math.min(failed, done));
  }

  ProgressLine(long done, long failed, long total, double seconds) {
    this(done, failed, total, seconds, "loading the model", null);
  }

  double rowsPerSecond() {
    return seconds > 0 ? done / seconds : 0;
  }

  /** Seconds left at the current rate; NaN until the first row is finished. */
  double secondsLeft() {
    return done == 0 ? Double.NaN : (total - done) * seconds / done;
  }

  /** For example {@code [######----] 6/10 rows, 1 failed, 0.52 rows/s, 0:08 left}. */
  String text() {
    int full = total == 0 ? BAR_CHARS : (int) (done * BAR_CHARS / total);
    StringBuilder line = new StringBuilder("[");
    line.append("#".repeat(full)).append("-".repeat(BAR_CHARS - full)).append("] ");
    line.append(done).append('/').append(Wording.count(total, "row"));
    if (failed > 0) {
      line.append(", ").append(failed).append(" failed");
    }
    if (done == 0) {
      line.append(", ").append(waiting).append(", ").append(clock(seconds));
    } else {
      line.append(String.format(Locale.ROOT, ", %.2f rows/s, ", rowsPerSecond()));
      line.append(done == total ? clock(seconds) : clock(secondsLeft()) + " left");
    }
    if (cost != null) {
      line.append(String.format(Locale.ROOT, ", cost so far %.2f", cost));
    }
    return line.toString();
  }

  /** As {@code m:ss}; from one hour on as {@code h:mm:ss}. */
  static String clock(double seconds) {
    long s = Math.round(seconds);
    return s < 3600
        ? String.format(Locale.ROOT, "%d:%02d", s / 60, s % 60)
        : String.format(Locale.ROOT, "%d:%02d:%02d", s / 3600, s / 60 % 60, s % 60);
  }
}
