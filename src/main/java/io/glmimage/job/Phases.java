package io.glmimage.job;

import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Measures the phases of a run. The first one begins when the object is made. */
final class Phases {
  private static final Logger LOG = LoggerFactory.getLogger(Phases.class);

  private final Map<String, Double> seconds = new LinkedHashMap<>();
  private final long begin = System.nanoTime();
  private long start = begin;

  /** Ends a phase and begins the next one. */
  void end(String phase) {
    long now = System.nanoTime();
    seconds.put(phase, (now - start) / 1e9);
    LOG.info("{} took {} s", phase, String.format(Locale.ROOT, "%.1f", seconds.get(phase)));
    start = now;
  }

  /** Seconds of each phase that has ended, in order. */
  Map<String, Double> seconds() {
    return seconds;
  }

  /** Seconds since the first phase began. */
  double total() {
    return (System.nanoTime() - begin) / 1e9;
  }
}
