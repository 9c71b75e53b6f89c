package io.glmimage.spark.manifest;

import io.glmimage.error.ErrorClass;

/** The reason why a row cannot be edited. Becomes the error of its result. */
public final class RowFailure extends Exception {
  private static final long serialVersionUID = 1L;

  private final ErrorClass errorClass;

  public RowFailure(ErrorClass errorClass, String message, Throwable cause) {
    super(message, cause);
    this.errorClass = errorClass;
  }

  public ErrorClass errorClass() {
    return errorClass;
  }
}
