package io.glmimage.rules.broken.image;

/** Sample that breaks a rule. */
public final class UsesTensor {
  private UsesTensor() {}

  public static long size() {
    return io.glmimage.rules.broken.tensor.Handle.size();
  }
}
