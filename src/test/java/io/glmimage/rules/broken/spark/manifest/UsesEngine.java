package io.glmimage.rules.broken.spark.manifest;

/** Sample that breaks a rule. */
public final class UsesEngine {
  private UsesEngine() {}

  public static long size() {
    return io.glmimage.rules.broken.spark.engine.Registry.size();
  }
}
