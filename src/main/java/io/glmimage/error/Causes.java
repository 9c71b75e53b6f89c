package io.glmimage.error;

/** Finds what a person should read in the exceptions that Spark wraps around it. */
public final class Causes {
  private Causes() {}

  /** The innermost of our own failures if there is one, else the innermost cause. */
  public static Throwable root(Throwable error) {
    Throwable own = null;
    Throwable last = error;
    // Causes may form a ring.
    for (int depth = 0; last.getCause() != null && last.getCause() != last && depth < 50; depth++) {
      if (last instanceof GlmImageException) {
        own = last;
      }
      last = last.getCause();
    }
    if (last instanceof GlmImageException) {
      own = last;
    }
    return own == null ? last : own;
  }

  /** Its message without the stack traces that Spark puts into messages. */
  public static String firstLine(Throwable error) {
    String message = error.getMessage() == null ? error.toString() : error.getMessage();
    return message.lines().filter(line -> !line.isBlank()).findFirst().orElse(error.toString());
  }
}
