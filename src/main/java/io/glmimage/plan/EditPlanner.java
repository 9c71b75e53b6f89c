package io.glmimage.plan;

import java.util.PriorityQueue;

/**
 * Makes plans. Partitions are small, so that all task slots finish at about the same time. There
 * are at least as many partitions as task slots if there are enough rows.
 *
 * <p>If rows cost about the same, partitions have consecutive rows. Otherwise partitions are
 * balanced by cost: the slowest takes at most {@link #SLOWEST} times the mean, unless a single row
 * takes longer than that or the user gives the number of partitions.
 *
 * <p>An engine edits rows of all its tasks together. So a partition need not fill the engine, but
 * it has several times the rows that a task has in memory: a task that begins or ends has fewer.
 *
 * <p>Every partition costs a task and a file of results, some ten milliseconds in all. Large
 * manifests therefore have larger partitions rather than more of them. A failed task loses no more
 * with a larger partition, because tasks save their results while they run.
 */
public final class EditPlanner {
  /** Rows of a partition for each row in memory, unless that gives too many partitions. */
  static final int ROWS_PER_ROW_IN_MEMORY = 4;

  /** A Spark driver schedules this many tasks easily. */
  static final int MAX_PARTITIONS = 20_000;

  /** Up to this number, or a number per task slot, more partitions balance the work better. */
  static final int USEFUL_PARTITIONS = 512;

  static final int USEFUL_PARTITIONS_PER_SLOT = 64;

  /** A task holds the result rows of its partition in memory, about a kilobyte each. */
  static final int MOST_ROWS_OF_PARTITION = 20_000;

  /** Most that the slowest partition may take, as a multiple of the mean. */
  static final double SLOWEST = 1.2;

  /** Where partitions are too uneven, the next attempt has so many of them. */
  private static final double FEWER = 0.75;

  private final PlanOptions options;

  public EditPlanner(PlanOptions options) {
    this.options = options;
  }

  /**
   * Plans rows of the same cost.
   *
   * @param rows number of rows to do
   * @param slots number of task slots: tasks that run at the same time
   */
  public EditPlan plan(long rows, int slots) {
    long perPartition = Math.max(1, rowsPerPartition(rows, slots));
    int partitions = (int) Math.max(1, ceilDiv(rows, perPartition));
    return EditPlan.byNumber(rows, partitions, perPartition, options.batchSize());
  }

  private long rowsPerPartition(long rows, int slots) {
    if (options.partitions() != null) {
      return ceilDiv(rows, options.partitions());
    }
    long even = ceilDiv(rows, Math.max(1, slots));
    long few = (long) options.batchSize() * ROWS_PER_ROW_IN_MEMORY;
    long useful = Math.max(USEFUL_PARTITIONS, (long) slots * USEFUL_PARTITIONS_PER_SLOT);
    useful = Math.max(useful, ceilDiv(rows, MOST_ROWS_OF_PARTITION));
    long manageable = ceilDiv(rows, Math.min(MAX_PARTITIONS, useful));
    return Math.max(Math.min(even, few), manageable);
  }

  /**
   * Plans rows by what they cost.
   *
   * @param costs of the rows to do
   * @param slots number of tasks that run at the same time
   */
  public EditPlan plan(CostClasses costs, int slots) {
    long rows = costs.rows();
    if (rows * costs.slowestRow() <= SLOWEST * costs.seconds()) {
      // Equal numbers of rows take about the same time, whichever rows they are.
      return plan(rows, slots);
    }
    if (options.partitions() != null) {
      return balanced(costs, (int) Math.min(options.partitions(), rows)).plan();
    }
    // At least one partition a slot, so that no slot is idle.
    int fewest = (int) Math.min(rows, Math.max(1, slots));
    int partitions = Math.max(fewest, plan(rows, slots).partitions());
    int limit = (int) Math.min(partitions, SLOWEST * costs.seconds() / costs.slowestRow());
    partitions = whole(limit, fewest);
    Balanced best = balanced(costs, partitions);
    while (best.slowest() > SLOWEST * costs.seconds() / partitions && partitions > fewest) {
      partitions = whole((int) (partitions * FEWER), fewest);
      best = balanced(costs, partitions);
    }
    return best.plan();
  }

  /** Whole rounds of all slots, where there is more than one round. */
  private static int whole(int partitions, int slots) {
    return Math.max(slots, partitions / slots * slots);
  }

  private record Balanced(EditPlan plan, double slowest) {}

  /** A partition while rows are given to it; equal loads in the order of their numbers. */
  private static final class Load implements Comparable<Load> {
    private final int partition;
    private double seconds;

    Load(int partition) {
      this.partition = partition;
    }

    @Override
    public int compareTo(Load other) {
      int bySeconds = Double.compare(seconds, other.seconds);
      return bySeconds == 0 ? Integer.compare(partition, other.partition) : bySeconds;
    }
  }

  /** Gives each row, the most expensive ones first, to the partition that has the least to do. */
  private Balanced balanced(CostClasses costs, int partitions) {
    PriorityQueue<Load> loads = new PriorityQueue<>();
    for (int i = 0; i < partitions; i++) {
      loads.add(new Load(i));
    }
    long[][] numbers = new long[CostClasses.COUNT][];
    double slowest = 0;
    for (int i = CostClasses.COUNT - 1; i >= 0; i--) {
      if (costs.rows(i) == 0) {
        continue;
      }
      numbers[i] = new long[partitions];
      for (long row = 0; row < costs.rows(i); row++) {
        Load least = loads.remove();
        least.seconds += costs.seconds(i);
        slowest = Math.max(slowest, least.seconds);
        numbers[i][least.partition]++;
        loads.add(least);
      }
    }
    return new Balanced(EditPlan.byCost(partitions, options.batchSize(), numbers), slowest);
  }

  private static long ceilDiv(long a, long b) {
    return (a + b - 1) / b;
  }
}
