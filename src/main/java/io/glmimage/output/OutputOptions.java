package io.glmimage.output;

import io.glmimage.error.UsageException;
import java.io.Serializable;

/**
 * Where results go, and what happens to earlier ones.
 *
 * @param path the output folder
 * @param overwrite whether earlier results there are removed first
 * @param resume whether rows that an earlier run has done are kept
 * @param keepFailed whether rows that an earlier run has failed at are kept too, not tried again
 * @param check how rows that are done are looked at before they are kept
 * @param commitSeconds finished rows are written down at least this often
 * @param lockTimeoutSeconds a run without a sign of life for this long is taken for dead
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

  /** What is compared before a row that is done is kept. */
  public enum ResumeCheck {
    /** The row, the options and the model. */
    ROWS,
    /** Also that its sources have not changed and that its picture is there. */
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
