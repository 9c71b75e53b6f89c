package io.glmimage.spark.run;

import java.io.Serializable;
import java.util.Map;

/**
 * Numbers the rows of a table from 0 without gaps, in the order of its partitions. Needs only the
 * number of rows of each partition, where a sort would move all rows.
 */
final class RowNumbers implements Serializable {
  private static final long serialVersionUID = 1L;

  /** Spark's {@code monotonically_increasing_id}: the partition, then 33 bits of the position. */
  private static final int POSITION_BITS = 33;

  /** Number of the first row of each partition. */
  private final long[] firsts;

  /**
   * @param counts number of rows by partition; partitions without rows may be left out
   */
  RowNumbers(Map<Integer, Long> counts) {
    int partitions = counts.keySet().stream().mapToInt(partition -> partition + 1).max().orElse(0);
    firsts = new long[partitions];
    long next = 0;
    for (int partition = 0; partition < partitions; partition++) {
      firsts[partition] = next;
      next += counts.getOrDefault(partition, 0L);
    }
  }

  /**
   * @param monotonicId the {@code monotonically_increasing_id} of the row
   */
  long of(long monotonicId) {
    long position = monotonicId & ((1L << POSITION_BITS) - 1);
    return firsts[(int) (monotonicId >>> POSITION_BITS)] + position;
  }
}
