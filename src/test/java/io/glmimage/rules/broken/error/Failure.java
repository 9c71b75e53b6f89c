package io.glmimage.rules.broken.error;

/** Sample that obeys the rules. */
public final class Failure {
  private Failure() {}

  public static String text() {
    return "failed";
  }
}
