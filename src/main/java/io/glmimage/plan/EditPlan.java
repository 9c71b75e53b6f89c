package io.glmimage.plan;

import java.io.Serializable;

/**
 * How a manifest's rows are cut into partitions: contiguous runs of {@code rowsPerPartition}, the
 * last one shorter. Every row belongs to exactly one partition.
 *
 * @param rows in the manifest
 * @param partitions number of Spark tasks, at least 1
 * @param rowsPerPartition at least 1
 * @param batchSize rows edited together
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
              + rows
              + " rows in "
              + partitions
              + " partitions of "
              + rowsPerPartition
              + ", batches of "
              + batchSize);
    }
  }

  /**
   * Which partition edits a row.
   *
   * @param row position in the manifest, from 0
   */
  public int partitionOf(long row) {
    return (int) (row / rowsPerPartition);
  }
}
