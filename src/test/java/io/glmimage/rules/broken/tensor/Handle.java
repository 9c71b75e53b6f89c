package io.glmimage.rules.broken.tensor;

/** Sample that obeys the rules. */
public final class Handle {
  private Handle() {}

  public static long size() {
    return 0;
  }
}
