package io.glmimage.rules.broken.predict;

/** Sample that breaks a rule. */
public final class UsesSpark {
  private UsesSpark() {}

  public static Class<?> rows() {
    return org.apache.spark.sql.Dataset[].class;
  }
}
