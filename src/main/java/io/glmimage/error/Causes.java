package io.glmimage.error;

/**
 * Finds the failure to show to the user among the exceptions that Spark wraps around the failure.
 */
public final class Causes {
  private Causes() {}

  /** The innermost {@link GlmImageException} if there is one, otherwise the innermost cause. */
  public static Throwable root(Throwable error) {
    Throwable own = null;
    Throwable last = error;
    // A chain of causes may be cyclic.
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

  /** The first line of the message, without the stack traces that Spark adds to messages. */
  public static String firstLine(Throwable error) {
    String message = error.getMessage() == null ? error.toString() : error.getMessage();
    return message.lines().filter(line -> !line.isBlank()).findFirst().orElse(error.toString());
  }
}
