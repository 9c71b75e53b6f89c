package io.glmimage.rules.broken.spark.engine;

/** Sample that obeys the rules. */
public final class Registry {
  private Registry() {}

  public static long size() {
    return 0;
  }
}
