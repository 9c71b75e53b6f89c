package io.glmimage.rules.broken.pipeline;

/** Sample that breaks a rule. */
public final class UsesJob {
  private UsesJob() {}

  public static String size() {
    return io.glmimage.rules.broken.job.Main.size();
  }
}
