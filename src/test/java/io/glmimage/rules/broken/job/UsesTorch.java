package io.glmimage.rules.broken.job;

/** Sample that breaks a rule. */
public final class UsesTorch {
  private UsesTorch() {}

  public static Class<?> tensor() {
    return org.bytedeco.pytorch.Tensor.class;
  }
}
