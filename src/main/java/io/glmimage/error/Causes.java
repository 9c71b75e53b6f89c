package io.glmimage.error;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Finds the failure to show to the user among the exceptions that Spark wraps around the failure.
 */
public final class Causes {
  /** Spark 3.5 goes on with "Details:", Spark 4 with a hint or the SQLSTATE after two spaces. */
  private static final Pattern UNREAD_FILE =
      Pattern.compile("Encountered error while reading file (.+?)\\.(?:\\s|$)");

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

  /** The file that Spark could not read, as its own exceptions name it. */
  public static Optional<String> unreadFile(Throwable error) {
    Throwable cause = error;
    for (int depth = 0; cause != null && depth < 50; depth++) {
      Matcher file = UNREAD_FILE.matcher(String.valueOf(cause.getMessage()));
      if (file.find()) {
        return Optional.of(file.group(1));
      }
      cause = cause.getCause();
    }
    return Optional.empty();
  }

  /** The first line of the message, without the stack traces that Spark adds to messages. */
  public static String firstLine(Throwable error) {
    String message = error.getMessage() == null ? error.toString() : error.getMessage();
    return message.lines().filter(line -> !line.isBlank()).findFirst().orElse(error.toString());
  }
}
