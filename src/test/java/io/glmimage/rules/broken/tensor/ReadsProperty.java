package io.glmimage.rules.broken.tensor;

/** Sample that breaks a rule. */
public final class ReadsProperty {
  private ReadsProperty() {}

  public static String path() {
    return System.getProperty("user.dir");
  }
}
