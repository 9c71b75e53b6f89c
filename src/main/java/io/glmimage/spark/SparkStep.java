package io.glmimage.spark;

import org.apache.spark.SparkContext;

/**
 * Describes the Spark jobs and queries that a thread starts, for Spark's UI and event logs. The
 * former description returns when the step is closed, so steps can be nested.
 */
public final class SparkStep implements AutoCloseable {
  /** Spark's name of the description among the properties of a thread. */
  static final String DESCRIPTION = "spark.job.description";

  private final SparkContext spark;
  private final String before;

  private SparkStep(SparkContext spark) {
    this.spark = spark;
    this.before = spark.getLocalProperty(DESCRIPTION);
  }

  /**
   * @param description what the jobs do, such as {@code "Write the result table"}
   */
  public static SparkStep begin(SparkContext spark, String description) {
    SparkStep step = new SparkStep(spark);
    step.next(description);
    return step;
  }

  /** Ends the work of the last description and begins the next. */
  public void next(String description) {
    spark.setJobDescription(description);
  }

  @Override
  public void close() {
    spark.setJobDescription(before);
  }
}
