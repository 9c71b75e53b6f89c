package io.glmimage.spark.manifest;

import io.glmimage.plan.CostModel;
import io.glmimage.plan.RowWork;
import io.glmimage.plan.SizeClass;
import java.io.Serializable;
import java.util.EnumMap;

/** Rows of known size, and what they cost, by the size of the generated image. Immutable. */
public final class SizeFigures implements Serializable {
  private static final long serialVersionUID = 1L;

  static final SizeFigures NONE = new SizeFigures();

  /**
   * The figures of a class.
   *
   * @param measured rows whose cost was measured
   * @param seconds GPU seconds
   */
  private record Figures(long rows, long measured, double seconds) implements Serializable {
    static final Figures NONE = new Figures(0, 0, 0);

    Figures and(Figures other) {
      return new Figures(rows + other.rows, measured + other.measured, seconds + other.seconds);
    }
  }

  private final EnumMap<SizeClass, Figures> classes = new EnumMap<>(SizeClass.class);

  private SizeFigures() {}

  /** The figures of one row. */
  static SizeFigures of(RowWork work, CostModel cost) {
    SizeFigures one = new SizeFigures();
    one.classes.put(
        SizeClass.of(work.megapixels()),
        new Figures(1, cost.isMeasured(work) ? 1 : 0, cost.seconds(work)));
    return one;
  }

  SizeFigures and(SizeFigures other) {
    if (other.classes.isEmpty()) {
      return this;
    }
    SizeFigures both = new SizeFigures();
    both.classes.putAll(classes);
    other.classes.forEach((size, figures) -> both.classes.merge(size, figures, Figures::and));
    return both;
  }

  private Figures figures(SizeClass size) {
    return classes.getOrDefault(size, Figures.NONE);
  }

  /** Number of rows of a class. */
  public long rows(SizeClass size) {
    return figures(size).rows;
  }

  /** GPU seconds of the rows of a class. */
  public double seconds(SizeClass size) {
    return figures(size).seconds;
  }

  /** GPU seconds of all rows. */
  public double seconds() {
    return classes.values().stream().mapToDouble(Figures::seconds).sum();
  }

  /** Whether the cost of each row was measured, so that nothing is scaled. */
  public boolean allMeasured() {
    return classes.keySet().stream().allMatch(this::allMeasured);
  }

  /** Whether the cost of each row of a class was measured. */
  public boolean allMeasured(SizeClass size) {
    return figures(size).measured == figures(size).rows;
  }
}
