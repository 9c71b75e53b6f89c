package io.glmimage.plan;

import io.glmimage.error.Wording;
import java.io.Serializable;
import java.util.Arrays;
import java.util.Locale;

/**
 * The division of the rows to do into partitions. Every row belongs to exactly one partition.
 *
 * <p>Rows of about the same cost are one class. Each partition has consecutive rows of each class.
 * A plan by number has one class with all rows.
 */
public final class EditPlan implements Serializable {
  private static final long serialVersionUID = 1L;

  private final long rows;
  private final int partitions;
  private final int batchSize;

  /** By class: the number of its rows in each partition and all partitions before it. */
  private final long[][] ends;

  private final boolean byCost;

  private EditPlan(long rows, int partitions, int batchSize, long[][] ends, boolean byCost) {
    if (partitions < 1 || batchSize < 1) {
      throw new IllegalArgumentException(
          "Invalid plan: "
              + Wording.count(partitions, "partition")
              + ", "
              + Wording.count(batchSize, "row")
              + " in memory");
    }
    this.rows = rows;
    this.partitions = partitions;
    this.batchSize = batchSize;
    this.ends = ends;
    this.byCost = byCost;
  }

  /** A plan whose partitions have the same number of rows; the last one may have fewer. */
  static EditPlan byNumber(long rows, int partitions, long rowsPerPartition, int batchSize) {
    long[] ends = new long[partitions];
    for (int i = 0; i < partitions; i++) {
      ends[i] = Math.min(rows, (i + 1) * rowsPerPartition);
    }
    return new EditPlan(rows, partitions, batchSize, new long[][] {ends}, false);
  }

  /**
   * A plan whose partitions cost about the same.
   *
   * @param numbers number of rows by cost class and partition; null for a class without rows
   */
  static EditPlan byCost(int partitions, int batchSize, long[][] numbers) {
    long[][] ends = new long[numbers.length][];
    long rows = 0;
    for (int i = 0; i < numbers.length; i++) {
      if (numbers[i] != null) {
        ends[i] = numbers[i].clone();
        Arrays.parallelPrefix(ends[i], Long::sum);
        rows += ends[i][partitions - 1];
      }
    }
    return new EditPlan(rows, partitions, batchSize, ends, true);
  }

  /** Number of rows to do. */
  public long rows() {
    return rows;
  }

  /** Number of Spark tasks, at least 1. */
  public int partitions() {
    return partitions;
  }

  /** Number of rows edited together. */
  public int batchSize() {
    return batchSize;
  }

  /** Whether rows have cost classes here; otherwise all of them are in class 0. */
  public boolean isByCost() {
    return byCost;
  }

  /**
   * The partition that edits a row.
   *
   * @param costClass see {@link CostClasses}
   * @param row number of the row among the rows of its class, from 0
   */
  public int partitionOf(int costClass, long row) {
    long[] ofClass = ends[costClass];
    // The first partition that ends after the row; partitions without rows of the class end before.
    int low = 0;
    int high = partitions - 1;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (ofClass[middle] > row) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }

  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        "%s in %s planned by %s, at most %d of a task in memory",
        Wording.count(rows, "row"),
        Wording.count(partitions, "partition"),
        byCost ? "cost" : "number",
        batchSize);
  }
}
