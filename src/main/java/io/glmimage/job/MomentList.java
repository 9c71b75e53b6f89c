package io.glmimage.job;

import io.glmimage.output.EditFigures;
import java.util.ArrayList;
import java.util.List;

/**
 * The progress of a run over time. At most {@value #MOST} moments are kept. When the list is full,
 * every second moment is dropped, and later moments are taken half as often.
 */
final class MomentList {
  static final int MOST = 240;

  private final List<EditFigures.Moment> moments = new ArrayList<>();

  /** Smallest distance between moments, in seconds. */
  private double period = 1;

  MomentList() {
    moments.add(new EditFigures.Moment(0, 0, 0));
  }

  /** Adds a moment if the last one is long enough ago. */
  synchronized void take(double seconds, long done, long failed) {
    // Timers sometimes tick a little early.
    if (seconds - last() >= 0.99 * period) {
      add(seconds, done, failed);
    }
  }

  /** Adds the last moment. */
  synchronized void end(double seconds, long done, long failed) {
    if (seconds > last() + 1e-3) {
      add(seconds, done, failed);
    }
  }

  synchronized List<EditFigures.Moment> list() {
    return List.copyOf(moments);
  }

  private double last() {
    return moments.get(moments.size() - 1).seconds();
  }

  private void add(double seconds, long done, long failed) {
    moments.add(new EditFigures.Moment(Math.round(seconds * 1000) / 1000.0, done, failed));
    if (moments.size() > MOST) {
      List<EditFigures.Moment> kept = new ArrayList<>();
      for (int i = 0; i < moments.size(); i += 2) {
        kept.add(moments.get(i));
      }
      moments.clear();
      moments.addAll(kept);
      period *= 2;
    }
  }
}
