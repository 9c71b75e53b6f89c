package io.glmimage.rules.broken.spark.run;

/** Sample that breaks a rule. */
public final class UsesPipeline {
  private UsesPipeline() {}

  public static long size() {
    return io.glmimage.rules.broken.pipeline.Steps.size();
  }
}
