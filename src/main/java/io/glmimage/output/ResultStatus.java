package io.glmimage.output;

/** What became of a row. */
public enum ResultStatus {
  OK,
  FAILED
}
