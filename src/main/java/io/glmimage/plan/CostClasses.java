package io.glmimage.plan;

import java.io.Serializable;

/**
 * Rows in classes of about the same cost, so that a plan of millions of rows needs only their
 * numbers. A class is a range of ten percent.
 */
public final class CostClasses implements Serializable {
  private static final long serialVersionUID = 1L;

  /** Number of classes. */
  public static final int COUNT = 192;

  private static final double RATIO = 1.1;

  /**
   * Seconds of the cheapest class. A row that fails at once costs something, too: so many rows in
   * one partition are not free.
   */
  static final double LEAST = 0.02;

  private final long[] rows = new long[COUNT];
  private final double[] seconds = new double[COUNT];

  /** The class of a row, from 0. */
  public static int of(double seconds) {
    double steps = Math.log(Math.max(LEAST, seconds) / LEAST) / Math.log(RATIO);
    return (int) Math.max(0, Math.min(COUNT - 1, Math.round(steps)));
  }

  /** Adds a row. */
  public void add(double rowSeconds) {
    int one = of(rowSeconds);
    rows[one]++;
    seconds[one] += Math.max(LEAST, rowSeconds);
  }

  /** Adds the rows of others. */
  public void add(CostClasses others) {
    for (int i = 0; i < COUNT; i++) {
      rows[i] += others.rows[i];
      seconds[i] += others.seconds[i];
    }
  }

  /** Number of rows of a class. */
  public long rows(int costClass) {
    return rows[costClass];
  }

  /** Mean seconds of the rows of a class. */
  double seconds(int costClass) {
    return rows[costClass] == 0 ? 0 : seconds[costClass] / rows[costClass];
  }

  /** Number of all rows. */
  public long rows() {
    long all = 0;
    for (long some : rows) {
      all += some;
    }
    return all;
  }

  /** Seconds of all rows. */
  double seconds() {
    double all = 0;
    for (double some : seconds) {
      all += some;
    }
    return all;
  }

  /** Mean seconds of the rows of the most expensive class. */
  double slowestRow() {
    double slowest = 0;
    for (int i = 0; i < COUNT; i++) {
      slowest = Math.max(slowest, seconds(i));
    }
    return slowest;
  }
}
