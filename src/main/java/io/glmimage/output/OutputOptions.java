package io.glmimage.output;

import io.glmimage.error.UsageException;
import java.io.Serializable;

/**
 * Where results go, and what happens to the results of earlier runs.
 *
 * @param path the output folder
 * @param overwrite whether earlier results are removed first
 * @param resume whether rows that an earlier run finished are kept
 * @param keepFailed whether rows that failed in an earlier run are kept too, instead of tried again
 * @param check what is compared before a finished row is kept
 * @param commitSeconds longest time that a finished row may stay unsaved
 * @param lockTimeoutSeconds a run whose lock was not renewed for this long is treated as dead
 */
public record OutputOptions(
    String path,
    boolean overwrite,
    boolean resume,
    boolean keepFailed,
    ResumeCheck check,
    double commitSeconds,
    int lockTimeoutSeconds)
    implements Serializable {
  public static final int DEFAULT_COMMIT_SECONDS = 10;
  public static final int DEFAULT_LOCK_TIMEOUT_SECONDS = 60;

  /** What is compared before a finished row is kept. */
  public enum ResumeCheck {
    /** The row, the options and the model. */
    ROWS,
    /** Also that its source images have not changed and that its edited image exists. */
    FILES
  }

  public OutputOptions {
    if (!(commitSeconds >= 0 && commitSeconds <= 3600)) {
      throw new UsageException(
          "Invalid --commit-seconds: " + commitSeconds + ", expected 0 to 3600");
    }
    if (lockTimeoutSeconds < 1) {
      throw new UsageException(
          "Invalid --lock-timeout: " + lockTimeoutSeconds + ", expected at least 1 second");
    }
  }
}
