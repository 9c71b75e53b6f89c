package io.glmimage.io;

import io.glmimage.error.UsageException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.Serializable;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.regex.Pattern;
import org.apache.hadoop.fs.FileAlreadyExistsException;
import org.apache.hadoop.fs.ParentNotDirectoryException;
import org.apache.hadoop.fs.PathIsDirectoryException;
import org.apache.hadoop.fs.UnsupportedFileSystemException;
import org.apache.hadoop.security.AccessControlException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Repeats what failed for a reason that may pass: a connection reset, a timeout, a server that asks
 * to slow down. What does not pass (no such file, no permission, wrong credentials) is not
 * repeated. Waits are doubled each time, and random between half and the whole, so that many tasks
 * do not come back together. The file system's own retries (those of S3A, say) are inside each
 * attempt.
 *
 * @param attempts how often something is tried in all, 1 or more
 * @param firstWaitMillis the longest wait before the second attempt
 */
public record Retries(int attempts, long firstWaitMillis) implements Serializable {
  public static final int DEFAULT_ATTEMPTS = 5;
  public static final int MAX_ATTEMPTS = 100;
  public static final Retries DEFAULT = new Retries(DEFAULT_ATTEMPTS, 500);

  private static final Logger LOG = LoggerFactory.getLogger(Retries.class);
  private static final long LONGEST_WAIT_MILLIS = 30_000;

  private static final List<Class<? extends IOException>> LASTING =
      List.of(
          FileNotFoundException.class,
          NoSuchFileException.class,
          AccessDeniedException.class,
          AccessControlException.class,
          FileAlreadyExistsException.class,
          java.nio.file.FileAlreadyExistsException.class,
          ParentNotDirectoryException.class,
          PathIsDirectoryException.class,
          UnsupportedFileSystemException.class);

  /** S3A's class for a bucket that is not there; it is not on every class path. */
  private static final String NO_BUCKET = "UnknownStoreException";

  /**
   * The AWS SDK's and S3A's words; their classes are not on every class path. S3 answers a HEAD
   * with expired credentials, or in the wrong region, with a mere 400.
   */
  private static final Pattern CREDENTIALS =
      Pattern.compile(
          "ExpiredToken|TokenRefreshRequired|InvalidAccessKeyId|InvalidToken|SignatureDoesNotMatch"
              + "|RequestTimeTooSkewed|NoAuthWithAWSException|NoAwsCredentialsException"
              + "|AWSBadRequestException|Unable to load (?:AWS )?credentials|CredentialInitializationException");

  public Retries {
    if (attempts < 1 || attempts > MAX_ATTEMPTS) {
      throw new UsageException(
          "Invalid --io-attempts: " + attempts + ", expected 1 to " + MAX_ATTEMPTS);
    }
  }

  /** Something with a file that can fail. */
  @FunctionalInterface
  interface Action<T> {
    T run() throws IOException;
  }

  /**
   * @param what for the log, such as {@code "read s3a://b/x.png"}
   */
  <T> T call(String what, Action<T> action) throws IOException {
    for (int attempt = 1; ; attempt++) {
      try {
        return action.run();
      } catch (IOException e) {
        if (attempt == attempts || !mayPass(e)) {
          throw e;
        }
        long wait = wait(attempt);
        LOG.warn(
            "Cannot {} (attempt {} of {}, the next in {} ms): {}",
            what,
            attempt,
            attempts,
            wait,
            Redaction.ofPatterns().apply(e.toString()));
        try {
          Thread.sleep(wait);
        } catch (InterruptedException stop) {
          Thread.currentThread().interrupt();
          e.addSuppressed(stop);
          throw e;
        }
      }
    }
  }

  /** Between half and the whole of a doubled wait. */
  private long wait(int attempt) {
    long longest = Math.min(LONGEST_WAIT_MILLIS, firstWaitMillis << Math.min(attempt - 1, 20));
    return longest / 2 + ThreadLocalRandom.current().nextLong(longest / 2 + 1);
  }

  /** Whether the same may succeed later. */
  static boolean mayPass(IOException error) {
    for (Throwable cause : causes(error)) {
      if (LASTING.stream().anyMatch(type -> type.isInstance(cause))
          || cause instanceof LastingException
          || cause.getClass().getSimpleName().equals(NO_BUCKET)
          || (cause instanceof InterruptedIOException
              && !(cause instanceof java.net.SocketTimeoutException)
              && Thread.currentThread().isInterrupted())) {
        return false;
      }
    }
    return !isCredentials(error);
  }

  /** Whether the caller's credentials are at fault, and so no single file. */
  public static boolean isCredentials(Throwable error) {
    return causes(error).stream().anyMatch(cause -> CREDENTIALS.matcher(cause.toString()).find());
  }

  private static List<Throwable> causes(Throwable error) {
    List<Throwable> causes = new java.util.ArrayList<>();
    for (Throwable cause = error;
        cause != null && causes.size() < 20 && !causes.contains(cause);
        cause = cause.getCause()) {
      causes.add(cause);
    }
    return causes;
  }
}
