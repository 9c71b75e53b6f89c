package io.glmimage.plan;

/**
 * Makes plans. Partitions have few batches, so that all task slots finish at about the same time.
 * Batches are full, and there are at least as many partitions as task slots if there are enough
 * rows.
 *
 * <p>Every partition costs a task and a file of results, some ten milliseconds in all. Large
 * manifests therefore have larger partitions rather than more of them. A failed task loses no more
 * with a larger partition, because tasks save their results while they run.
 */
public final class EditPlanner {
  /** Batches per partition, unless that gives too many partitions. */
  static final int BATCHES_PER_PARTITION = 4;

  /** A Spark driver schedules this many tasks easily. */
  static final int MAX_PARTITIONS = 20_000;

  /** Up to this number, or a number per task slot, more partitions balance the work better. */
  static final int USEFUL_PARTITIONS = 512;

  static final int USEFUL_PARTITIONS_PER_SLOT = 64;

  /** A task holds the result rows of its partition in memory, about a kilobyte each. */
  static final int MOST_ROWS_OF_PARTITION = 20_000;

  private final PlanOptions options;

  public EditPlanner(PlanOptions options) {
    this.options = options;
  }

  /**
   * Plans the rows of a run.
   *
   * @param rows number of rows to do
   * @param slots number of task slots: tasks that run at the same time
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
