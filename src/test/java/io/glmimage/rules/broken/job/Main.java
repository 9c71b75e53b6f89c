package io.glmimage.rules.broken.job;

/** Sample that obeys the rules. */
public final class Main {
  private Main() {}

  public static String size() {
    return io.glmimage.rules.broken.tensor.Handle.size()
        + System.getenv("HOME")
        + org.apache.spark.sql.SparkSession.class;
  }
}
