package io.glmimage.io;

import java.io.IOException;

/** A failure that a retry does not change, such as an invalid path or a file that is too large. */
public final class LastingException extends IOException {
  private static final long serialVersionUID = 1L;

  LastingException(String message) {
    super(message);
  }

  LastingException(String message, Throwable cause) {
    super(message, cause);
  }
}
