package io.glmimage.rules.broken.surprise;

/** Sample that breaks a rule. */
public final class Newcomer {
  private Newcomer() {}

  public static long size() {
    return 0;
  }
}
