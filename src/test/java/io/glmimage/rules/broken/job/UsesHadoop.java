package io.glmimage.rules.broken.job;

/** Sample that breaks a rule. */
public final class UsesHadoop {
  private UsesHadoop() {}

  public static Class<?> path() {
    return org.apache.hadoop.fs.Path.class;
  }
}
