package io.glmimage.job;

import java.util.LinkedHashMap;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** How long each part of a run took: from the end of the one before it, or from the start. */
final class Phases {
  private static final Logger LOG = LoggerFactory.getLogger(Phases.class);

  private final Map<String, Double> seconds = new LinkedHashMap<>();
  private long start = System.nanoTime();

  /** Says that a part is over. */
  void end(String phase) {
    long now = System.nanoTime();
    seconds.put(phase, (now - start) / 1e9);
    LOG.info("{} took {} s", phase, seconds.get(phase));
    start = now;
  }

  Map<String, Double> seconds() {
    return seconds;
  }
}
