package io.glmimage.io;

import java.io.IOException;

/** A failure that trying again does not change: the file is too large, its name has no form. */
final class LastingException extends IOException {
  private static final long serialVersionUID = 1L;

  LastingException(String message) {
    super(message);
  }

  LastingException(String message, Throwable cause) {
    super(message, cause);
  }
}
