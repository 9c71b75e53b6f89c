package io.glmimage.io;

import io.glmimage.error.JobException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.hadoop.fs.FSError;

/**
 * Failures of the place that holds files, such as a full disk. They concern every file there, so
 * they stop the job instead of failing a row.
 */
public final class PlaceFailures {
  /** Words of operating systems. */
  private static final Pattern WORDS =
      Pattern.compile(
          "No space left on device|Disk quota exceeded|Read-only file system"
              + "|There is not enough space on the disk");

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
   * @throws JobException with the place and the reason
   */
  static void check(String what, Throwable error) {
    for (Throwable cause : causes(error)) {
      Matcher words = WORDS.matcher(String.valueOf(cause.getMessage()));
      if (words.find()) {
        throw failure(what, words.group(), error);
      }
    }
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
