package io.glmimage.plan;

import io.glmimage.error.UsageException;
import java.io.Serializable;

/**
 * The options that divide the rows.
 *
 * @param batchSize most rows that a task has in memory at the same time
 * @param partitions number of Spark tasks, or null to let {@link EditPlanner} choose
 */
public record PlanOptions(int batchSize, Integer partitions) implements Serializable {
  /** With four tasks on a GPU, the share of a row in the prior is then small. */
  public static final int DEFAULT_BATCH_SIZE = 8;

  public static final int MAX_BATCH_SIZE = 256;

  public PlanOptions {
    if (batchSize < 1 || batchSize > MAX_BATCH_SIZE) {
      throw new UsageException(
          "Invalid --batch-size: " + batchSize + ", expected 1 to " + MAX_BATCH_SIZE + " rows");
    }
    if (partitions != null && partitions < 1) {
      throw new UsageException("Invalid --partitions: " + partitions + ", expected at least 1");
    }
  }
}
