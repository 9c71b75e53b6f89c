package io.glmimage.output;

/** How a row ended. */
public enum ResultStatus {
  OK,
  FAILED
}
