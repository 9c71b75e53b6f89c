package io.glmimage.output;

import java.time.Instant;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * When a run took place and how long it took.
 *
 * @param started when the command began
 * @param seconds from {@code started} until the result table was written
 * @param phaseSeconds seconds of each phase by name, in order
 */
public record RunTimes(Instant started, double seconds, Map<String, Double> phaseSeconds) {
  public RunTimes {
    phaseSeconds = Collections.unmodifiableMap(new LinkedHashMap<>(phaseSeconds));
  }
}
