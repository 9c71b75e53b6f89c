package io.glmimage.rules.broken.io;

/** Sample that obeys the rules. */
public final class Files {
  private Files() {}

  public static String size() {
    return io.glmimage.rules.broken.error.Failure.text() + org.apache.hadoop.fs.Path.class;
  }
}
