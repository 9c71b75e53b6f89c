package io.glmimage.output;

import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;

/**
 * How the rows of a run ended.
 *
 * @param total rows of the manifest
 * @param ok rows with an edited image
 * @param kept rows that an earlier run finished and this run kept, successful or failed
 * @param failedByClass failed rows by error class
 */
public record RowCounts(long total, long ok, long kept, Map<String, Long> failedByClass) {
  public RowCounts {
    // Sorted, so that equal runs write equal files.
    failedByClass = Collections.unmodifiableMap(new TreeMap<>(failedByClass));
  }

  public long failed() {
    return failedByClass.values().stream().mapToLong(Long::longValue).sum();
  }

  /** Whether each row of the manifest has exactly one result row. */
  public boolean areComplete() {
    return ok + failed() == total;
  }
}
