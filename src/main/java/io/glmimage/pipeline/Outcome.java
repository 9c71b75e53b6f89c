package io.glmimage.pipeline;

/** What became of one row in a step that handles several rows at once. */
sealed interface Outcome<T> {
  /** The row's value. */
  record Done<T>(T value) implements Outcome<T> {}

  /** The row failed; other rows are not affected. */
  record Failed<T>(RuntimeException cause) implements Outcome<T> {}
}
