package io.glmimage.plan;

/**
 * Makes plans. Partitions hold few batches, so that all slots end at about the same time; there are
 * at least as many partitions as task slots where the rows allow it, and batches are full. Every
 * partition costs a task, and a file of results, of some ten milliseconds: large manifests have
 * larger partitions, not ever more of them. Nothing more is lost with a larger one: tasks write
 * down what they have done while they go on.
 */
public final class EditPlanner {
  /** Batches of one partition while the number of partitions stays small enough. */
  static final int BATCHES_PER_PARTITION = 4;

  /** What a Spark driver schedules without effort. */
  static final int MAX_PARTITIONS = 20_000;

  /** Up to here, and to so many for each slot, more partitions spread the rows more evenly. */
  static final int USEFUL_PARTITIONS = 512;

  static final int USEFUL_PARTITIONS_PER_SLOT = 64;

  /** A task holds the result lines of its partition, of about a kilobyte. */
  static final int MOST_ROWS_OF_PARTITION = 20_000;

  private final PlanOptions options;

  public EditPlanner(PlanOptions options) {
    this.options = options;
  }

  /**
   * @param rows in the manifest
   * @param slots tasks that run at the same time
   */
  public EditPlan plan(long rows, int slots) {
    int batch = options.batchSize();
    long perPartition;
    if (options.partitions() != null) {
      perPartition = ceilDiv(rows, options.partitions());
    } else {
      long even = roundUp(ceilDiv(rows, Math.max(1, slots)), batch);
      long few = (long) batch * BATCHES_PER_PARTITION;
      long useful = Math.max(USEFUL_PARTITIONS, (long) slots * USEFUL_PARTITIONS_PER_SLOT);
      useful = Math.max(useful, ceilDiv(rows, MOST_ROWS_OF_PARTITION));
      long manageable = roundUp(ceilDiv(rows, Math.min(MAX_PARTITIONS, useful)), batch);
      perPartition = Math.max(Math.min(even, few), manageable);
    }
    perPartition = Math.max(1, perPartition);
    int partitions = (int) Math.max(1, ceilDiv(rows, perPartition));
    return new EditPlan(rows, partitions, perPartition, batch);
  }

  private static long ceilDiv(long a, long b) {
    return (a + b - 1) / b;
  }

  private static long roundUp(long a, long unit) {
    return ceilDiv(a, unit) * unit;
  }
}
