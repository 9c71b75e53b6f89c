package io.glmimage.rules.broken.kernel;

/** Sample that breaks a rule. */
public final class ReadsFlag {
  private ReadsFlag() {}

  public static boolean fused() {
    return Boolean.getBoolean("fused");
  }
}
