package io.glmimage.rules.broken.kernel;

/** Sample that breaks a rule. */
public final class ReadsEnvironment {
  private ReadsEnvironment() {}

  public static String path() {
    return System.getenv("CUDA_PATH");
  }
}
