package io.glmimage.io;

import io.glmimage.error.Causes;
import io.glmimage.error.JobException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.hadoop.fs.FSError;

/**
 * Failures of the place that holds files, such as a full disk. They concern every file there, so
 * they stop the job instead of failing a row.
 */
public final class PlaceFailures {
  /**
   * Words of operating systems, HDFS and object stores. They begin and end a statement; elsewhere
   * they may be part of a name.
   */
  private static final Pattern WORDS =
      Pattern.compile(
          "(?m)(?:^|(?<=[:;.(]\\s|[:(]))(?:No space left on device|Disk quota exceeded"
              + "|Read-only file system|There is not enough space on the disk|File too large"
              + "|Too many open files(?: in system)?|Transport endpoint is not connected"
              + "|The \\w+ quota [^\\n]* is exceeded|Name node is in safe mode|XMinioStorageFull)"
              + "(?=$|[,;:)\\t]|\\s[(\\[]|\\.(?:\\s|$))");

  /** Frames of Spark and of this program. */
  private static final Pattern CALLER = Pattern.compile("org\\.apache\\.spark\\.|io\\.glmimage\\.");

  /** Frames of the classes of Spark that write to its temporary folder. */
  private static final Pattern SPARK_SCRATCH =
      Pattern.compile("org\\.apache\\.spark\\.(?:shuffle|storage|broadcast|util|unsafe|io)\\.");

  private static final String SCRATCH =
      "write to Spark's temporary folder (spark.local.dir or SPARK_LOCAL_DIRS; in embedded mode"
          + " -Djava.io.tmpdir)";

  private PlaceFailures() {}

  /**
   * Runs an action that writes files without {@link Storage}, such as a write by Spark.
   *
   * @param what completes "Cannot ...", such as {@code "write s3a://b/out/results"}
   * @throws JobException if the place fails
   */
  public static void run(String what, Runnable action) {
    try {
      action.run();
    } catch (FSError e) {
      throw report(what, ioCause(e));
    } catch (Throwable e) {
      // Spark throws checked exceptions that it does not declare.
      check(what, e);
      throw e;
    }
  }

  /**
   * Reports an exception if it says that the place fails.
   *
   * @param paths that the failed action used; their names do not count as words
   * @throws JobException with the place and the reason
   */
  static void check(String what, Throwable error, String... paths) {
    String reason = reason(error, paths);
    if (reason != null) {
      throw failure(isSparkScratch(error) ? SCRATCH : what, reason, error);
    }
  }

  /** The sentence for the user if an exception from a library says that a place fails. */
  public static Optional<String> sentence(Throwable error) {
    return Optional.ofNullable(reason(error))
        .map(
            reason ->
                isSparkScratch(error)
                    ? failure(SCRATCH, reason, error).getMessage()
                    : "The job failed: "
                        + message(error, reason)
                        + "; correct this and run the command again");
  }

  /** The words that say that a place fails; null if there are none. */
  private static String reason(Throwable error, String... paths) {
    for (String text : LibraryText.of(error, paths)) {
      Matcher words = WORDS.matcher(text);
      if (words.find()) {
        return words.group();
      }
    }
    return null;
  }

  /**
   * The first line of the innermost message with the reason, which names a path if one is known.
   */
  private static String message(Throwable error, String reason) {
    String found = reason;
    for (Throwable cause : causes(error)) {
      String line = Causes.firstLine(cause);
      if (line.contains(reason)) {
        found = line;
      }
    }
    return found;
  }

  /** Whether Spark wrote to its own temporary folder. */
  private static boolean isSparkScratch(Throwable error) {
    for (Throwable cause : causes(error)) {
      String message = String.valueOf(cause.getMessage());
      Matcher words = WORDS.matcher(message);
      if (words.find() && isScratch(cause, message.substring(words.end()))) {
        return true;
      }
    }
    return false;
  }

  /**
   * Whether the caller of the failed write is the part of Spark that writes temporary files.
   *
   * @param after what a message has after the reason: often the stack trace of an executor
   */
  private static boolean isScratch(Throwable cause, String after) {
    Stream<String> frames =
        after.contains("\tat ")
            ? after.lines().filter(line -> line.startsWith("\tat ")).map(line -> line.substring(4))
            : Arrays.stream(cause.getStackTrace()).map(StackTraceElement::toString);
    return frames
        .filter(frame -> CALLER.matcher(frame).lookingAt())
        .findFirst()
        .filter(frame -> SPARK_SCRATCH.matcher(frame).lookingAt())
        .isPresent();
  }

  /** The cause of the Error that Hadoop's local file system throws where a disk fails. */
  static IOException ioCause(FSError error) {
    return error.getCause() instanceof IOException cause ? cause : new IOException(error);
  }

  /** Causes in their order, the error first; causes may form a ring. */
  static List<Throwable> causes(Throwable error) {
    List<Throwable> causes = new ArrayList<>();
    for (Throwable cause = error;
        cause != null && causes.size() < 20 && !causes.contains(cause);
        cause = cause.getCause()) {
      causes.add(cause);
    }
    return causes;
  }

  private static JobException report(String what, IOException error) {
    check(what, error);
    return failure(what, error.getMessage(), error);
  }

  private static JobException failure(String what, String reason, Throwable cause) {
    return new JobException(
        "Cannot " + what + ": " + reason + "; correct this and run the command again", cause);
  }
}
