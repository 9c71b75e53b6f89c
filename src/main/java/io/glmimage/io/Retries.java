package io.glmimage.io;

import io.glmimage.error.Redaction;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.Serializable;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.regex.Pattern;
import org.apache.hadoop.fs.FSError;
import org.apache.hadoop.fs.FileAlreadyExistsException;
import org.apache.hadoop.fs.ParentNotDirectoryException;
import org.apache.hadoop.fs.PathIsDirectoryException;
import org.apache.hadoop.fs.UnsupportedFileSystemException;
import org.apache.hadoop.security.AccessControlException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Repeats actions that failed for a temporary reason: a connection reset, a timeout, a server that
 * asks to slow down, credentials that have expired and may be renewed meanwhile. Lasting failures
 * (no such file, no permission, wrong credentials) are not repeated. Waits double each time. Each
 * wait is random between its half and its whole, so that many tasks do not retry at the same
 * moment. An attempt includes the file system's own retries, such as those of S3A.
 *
 * @param attempts number of attempts in all, 1 to {@link #MAX_ATTEMPTS}
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

  /**
   * S3A's classes for a missing bucket, and for a request that the store does not implement. They
   * are not on every class path.
   */
  private static final Set<String> LASTING_ON_S3 =
      Set.of("UnknownStoreException", "AWSUnsupportedFeatureException");

  /**
   * Words of the AWS SDK and S3A, whose classes are not on every class path. S3 answers a HEAD
   * request with expired credentials, or in the wrong region, with a plain status 400.
   */
  private static final Pattern CREDENTIALS =
      S3Advice.words(
          "ExpiredToken|TokenRefreshRequired|InvalidAccessKeyId|InvalidToken|SignatureDoesNotMatch"
              + "|RequestTimeTooSkewed|NoAuthWithAWSException|NoAwsCredentialsException"
              + "|AWSBadRequestException|Unable to load (?:AWS )?credentials"
              + "|CredentialInitializationException");

  /**
   * Those of {@link #CREDENTIALS} that end without the user: credentials are renewed (a provider is
   * asked for each request), or the clock of the host is set right.
   */
  private static final Pattern EXPIRED =
      S3Advice.words(
          "ExpiredToken|TokenRefreshRequired|AWSBadRequestException|RequestTimeTooSkewed");

  public Retries {
    if (attempts < 1 || attempts > MAX_ATTEMPTS) {
      throw new IllegalArgumentException(
          "Invalid number of attempts: " + attempts + ", expected 1 to " + MAX_ATTEMPTS);
    }
  }

  /** An action on files. */
  @FunctionalInterface
  interface Action<T> {
    T run() throws IOException;
  }

  /**
   * Runs an action until it succeeds or fails for good.
   *
   * @param verb completes "Cannot ..." together with the path, such as {@code "read"}
   * @param path of the file or folder that the action uses
   * @throws io.glmimage.error.JobException if the place fails for every file, such as a full disk
   */
  <T> T call(String verb, String path, Action<T> action) throws IOException {
    for (int attempt = 1; ; attempt++) {
      try {
        return once(verb, path, action);
      } catch (IOException e) {
        if (attempt == attempts || !(mayPass(e, path) || has(EXPIRED, e, path))) {
          throw e;
        }
        long wait = wait(attempt);
        LOG.warn(
            "Cannot {} {} (attempt {} of {}, next attempt in {} ms): {}",
            verb,
            path,
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

  /** Runs an action and reports failures of the place. */
  static <T> T once(String verb, String path, Action<T> action) throws IOException {
    String what = verb + " " + path;
    try {
      return action.run();
    } catch (FSError e) {
      IOException cause = PlaceFailures.ioCause(e);
      PlaceFailures.check(what, cause, path);
      throw cause;
    } catch (IOException e) {
      PlaceFailures.check(what, e, path);
      throw e;
    }
  }

  /** A random wait, doubled with each attempt. */
  private long wait(int attempt) {
    long longest = Math.min(LONGEST_WAIT_MILLIS, firstWaitMillis << Math.min(attempt - 1, 20));
    return longest / 2 + ThreadLocalRandom.current().nextLong(longest / 2 + 1);
  }

  /**
   * Whether a later attempt may succeed without a change by the user.
   *
   * @param paths that the failed action used; their names do not count as words of a library
   */
  public static boolean mayPass(IOException error, String... paths) {
    for (Throwable cause : PlaceFailures.causes(error)) {
      if (LASTING.stream().anyMatch(type -> type.isInstance(cause))
          || cause instanceof LastingException
          || cause instanceof ClosedByInterruptException
          || cause instanceof InterruptedException
          || LASTING_ON_S3.contains(cause.getClass().getSimpleName())
          || (cause instanceof InterruptedIOException
              && !(cause instanceof java.net.SocketTimeoutException)
              && Thread.currentThread().isInterrupted())) {
        return false;
      }
    }
    return !isCredentials(error, paths);
  }

  /**
   * Why a file cannot be read or written, for a message. Says what to do about credentials, rights,
   * buckets and regions of S3.
   *
   * @param paths that the failed action used; their names do not count as words of a library
   */
  public static String why(Throwable error, String... paths) {
    String message = message(error);
    return advice(error, paths).map(advice -> advice + ": " + message).orElse(message);
  }

  /** Java's exceptions about local files have no more than a path as their message. */
  private static String message(Throwable error) {
    if (error instanceof FileSystemException failure && failure.getReason() == null) {
      String file = failure.getFile();
      if (failure instanceof NoSuchFileException) {
        return file + " does not exist, or nothing can be created there";
      }
      if (failure instanceof AccessDeniedException) {
        return "access to " + file + " is denied";
      }
      return error.toString();
    }
    return error.getMessage() == null ? error.toString() : error.getMessage();
  }

  /**
   * What is wrong and what to do, if a store refused a request for a known reason.
   *
   * @param paths that the failed action used; their names do not count as words of a library
   */
  public static Optional<String> advice(Throwable error, String... paths) {
    return S3Advice.of(error, paths);
  }

  /**
   * Whether the caller's credentials are at fault, rather than a single file.
   *
   * @param paths that the failed action used; their names do not count as words of a library
   */
  public static boolean isCredentials(Throwable error, String... paths) {
    return has(CREDENTIALS, error, paths);
  }

  private static boolean has(Pattern words, Throwable error, String... paths) {
    return LibraryText.of(error, paths).stream().anyMatch(text -> words.matcher(text).find());
  }
}
