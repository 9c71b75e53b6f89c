package io.glmimage.spark;

import io.glmimage.error.ErrorClass;

/** Why one row cannot be edited; caught where its line of the result table is made. */
final class RowFailure extends Exception {
  private static final long serialVersionUID = 1L;

  private final ErrorClass errorClass;

  RowFailure(ErrorClass errorClass, String message, Throwable cause) {
    super(message, cause);
    this.errorClass = errorClass;
  }

  ErrorClass errorClass() {
    return errorClass;
  }
}
