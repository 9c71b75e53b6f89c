package io.glmimage.job;

import io.glmimage.error.Causes;
import io.glmimage.error.GlmImageException;
import io.glmimage.error.UsageException;
import io.glmimage.io.PlaceFailures;
import io.glmimage.io.Retries;
import java.io.IOException;
import java.util.Optional;

/**
 * What a command says when it fails, and its exit code.
 *
 * @param message one sentence, unless the failure is unexpected
 * @param expected whether the message explains the failure, so that a stack trace is of no use
 */
record Failure(String message, boolean expected, int exitCode) {

  static Failure of(Throwable error) {
    if (error instanceof UsageException) {
      return new Failure(error.getMessage(), true, ExitCode.USAGE);
    }
    Throwable root = Causes.root(error);
    if (root instanceof GlmImageException) {
      return explained(root.getMessage());
    }
    Optional<String> place = PlaceFailures.sentence(error);
    if (place.isPresent()) {
      return explained(place.get());
    }
    Optional<String> advice = Retries.advice(error);
    if (advice.isPresent()) {
      return explained("The job failed: " + advice.get() + ": " + Causes.firstLine(root));
    }
    Optional<String> file = Causes.unreadFile(error);
    if (file.isPresent()) {
      return explained(
          "The job failed: Spark cannot read "
              + file.get()
              + ": "
              + Causes.firstLine(root)
              + "; if the file is damaged, write or copy it again. Finished rows are kept");
    }
    if (isStoppedFromOutside(root)) {
      return explained(
          "The job failed: the cluster ended the application ("
              + Causes.firstLine(root)
              + "). Spark's messages before this one, or the cluster's record of the application,"
              + " give the reason. Finished rows are kept: remove the cause and run the same"
              + " command again");
    }
    String message =
        "The job failed: " + root.getClass().getSimpleName() + ": " + Causes.firstLine(root);
    if (root instanceof OutOfMemoryError) {
      message += "; give the driver more memory (GLM_IMAGE_DRIVER_MEMORY or --driver-memory)";
    }
    boolean expected = root instanceof IOException || root instanceof OutOfMemoryError;
    return new Failure(message, expected, ExitCode.JOB_FAILED);
  }

  private static Failure explained(String message) {
    return new Failure(message, true, ExitCode.JOB_FAILED);
  }

  /**
   * Whether Spark's context was stopped while the command used it. The command itself stops it only
   * when it has ended; YARN's client does when the application is killed or has lost too many
   * executors. The messages are those of Spark's scheduler and context.
   */
  private static boolean isStoppedFromOutside(Throwable root) {
    String message = Causes.firstLine(root);
    return message.endsWith("cancelled because SparkContext was shut down")
        || message.startsWith("Cannot call methods on a stopped SparkContext")
        || message.equals("SparkContext has been shutdown");
  }
}
