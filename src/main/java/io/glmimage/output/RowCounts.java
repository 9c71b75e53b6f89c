package io.glmimage.output;

import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * How the rows of a run ended.
 *
 * @param total rows of the manifest
 * @param ok rows with an edited image
 * @param kept rows that an earlier run finished and this run kept, successful or failed
 * @param failedByClass failed rows by error class
 * @param flagged rows with an edited image by flag, without those that are OK
 */
public record RowCounts(
    long total, long ok, long kept, Map<String, Long> failedByClass, Map<String, Long> flagged) {
  public RowCounts {
    // Sorted, so that equal runs write equal files.
    failedByClass = Collections.unmodifiableMap(new TreeMap<>(failedByClass));
    flagged = Collections.unmodifiableMap(new TreeMap<>(flagged));
  }

  public long failed() {
    return failedByClass.values().stream().mapToLong(Long::longValue).sum();
  }

  /** Numbers of flagged rows in words, such as {@code 2 FLAT, 3 UNCHANGED}. */
  public String flags() {
    return flagged.entrySet().stream()
        .map(flag -> flag.getValue() + " " + flag.getKey())
        .collect(Collectors.joining(", "));
  }

  public long allFlagged() {
    return flagged.values().stream().mapToLong(Long::longValue).sum();
  }

  /** Whether each row of the manifest has exactly one result row. */
  public boolean areComplete() {
    return ok + failed() == total;
  }
}
