package io.glmimage.spark.manifest;

import io.glmimage.plan.CostModel;
import io.glmimage.plan.RowWork;
import io.glmimage.plan.SizeClass;
import java.io.Serializable;

/** Rows of known size, and what they cost, by the size of the generated image. Immutable. */
public final class SizeFigures implements Serializable {
  private static final long serialVersionUID = 1L;

  static final SizeFigures NONE = new SizeFigures();

  private final long[] rows = new long[SizeClass.values().length];
  private final long[] measured = new long[SizeClass.values().length];
  private final double[] seconds = new double[SizeClass.values().length];

  private SizeFigures() {}

  /** The figures of one row. */
  static SizeFigures of(RowWork work, CostModel cost) {
    SizeFigures one = new SizeFigures();
    int size = SizeClass.of(work.megapixels()).ordinal();
    one.rows[size] = 1;
    one.measured[size] = cost.isMeasured(work) ? 1 : 0;
    one.seconds[size] = cost.seconds(work);
    return one;
  }

  SizeFigures and(SizeFigures other) {
    if (other == NONE) {
      return this;
    }
    SizeFigures both = new SizeFigures();
    for (int i = 0; i < rows.length; i++) {
      both.rows[i] = rows[i] + other.rows[i];
      both.measured[i] = measured[i] + other.measured[i];
      both.seconds[i] = seconds[i] + other.seconds[i];
    }
    return both;
  }

  /** Number of rows of a class. */
  public long rows(SizeClass size) {
    return rows[size.ordinal()];
  }

  /** GPU seconds of the rows of a class. */
  public double seconds(SizeClass size) {
    return seconds[size.ordinal()];
  }

  /** GPU seconds of all rows. */
  public double seconds() {
    double all = 0;
    for (double some : seconds) {
      all += some;
    }
    return all;
  }

  /** Whether the cost of each row was measured, so that nothing is scaled. */
  public boolean allMeasured() {
    for (int i = 0; i < rows.length; i++) {
      if (measured[i] != rows[i]) {
        return false;
      }
    }
    return true;
  }

  /** Whether the cost of each row of a class was measured. */
  public boolean allMeasured(SizeClass size) {
    return measured[size.ordinal()] == rows[size.ordinal()];
  }
}
