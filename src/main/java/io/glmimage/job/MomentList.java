package io.glmimage.job;

import io.glmimage.output.RunFigures;
import java.util.ArrayList;
import java.util.List;

/**
 * How far a job was when. However long it runs, a few hundred moments are kept: when there are too
 * many, every second one is forgotten, and the next ones are taken half as often.
 */
final class MomentList {
  static final int MOST = 240;

  private final List<RunFigures.Moment> moments = new ArrayList<>();

  /** Seconds between moments. */
  private double period = 1;

  MomentList() {
    moments.add(new RunFigures.Moment(0, 0, 0));
  }

  /** Notes a moment if the last one is long enough ago. */
  synchronized void take(double seconds, long done, long failed) {
    // A timer ticks a little early now and then.
    if (seconds - last() >= 0.99 * period) {
      add(seconds, done, failed);
    }
  }

  /** Notes the end. */
  synchronized void end(double seconds, long done, long failed) {
    if (seconds > last() + 1e-3) {
      add(seconds, done, failed);
    }
  }

  synchronized List<RunFigures.Moment> list() {
    return List.copyOf(moments);
  }

  private double last() {
    return moments.get(moments.size() - 1).seconds();
  }

  private void add(double seconds, long done, long failed) {
    moments.add(new RunFigures.Moment(Math.round(seconds * 1000) / 1000.0, done, failed));
    if (moments.size() > MOST) {
      List<RunFigures.Moment> kept = new ArrayList<>();
      for (int i = 0; i < moments.size(); i += 2) {
        kept.add(moments.get(i));
      }
      moments.clear();
      moments.addAll(kept);
      period *= 2;
    }
  }
}
