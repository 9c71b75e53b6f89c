package io.glmimage.plan;

import io.glmimage.error.Wording;
import java.io.Serializable;

/**
 * The division of the rows to do into partitions. Each partition has {@code rowsPerPartition}
 * consecutive rows; the last one may have fewer. Every row belongs to exactly one partition.
 *
 * @param rows number of rows to do
 * @param partitions number of Spark tasks, at least 1
 * @param rowsPerPartition at least 1
 * @param batchSize number of rows edited together
 */
public record EditPlan(long rows, int partitions, long rowsPerPartition, int batchSize)
    implements Serializable {
  public EditPlan {
    if (partitions < 1
        || rowsPerPartition < 1
        || batchSize < 1
        || rows > partitions * rowsPerPartition) {
      throw new IllegalArgumentException(
          "Invalid plan: "
              + Wording.count(rows, "row")
              + " in "
              + Wording.count(partitions, "partition")
              + " of "
              + rowsPerPartition
              + ", batches of "
              + batchSize);
    }
  }

  /**
   * The partition that edits a row.
   *
   * @param row number of the row among the rows to do, from 0
   */
  public int partitionOf(long row) {
    return (int) (row / rowsPerPartition);
  }
}
