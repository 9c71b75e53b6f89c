package io.glmimage.spark.run;

import io.glmimage.error.UsageException;
import io.glmimage.error.Wording;
import io.glmimage.io.Retries;
import java.io.Serializable;

/**
 * Limits of a run.
 *
 * @param ioAttempts how often a file is read or written before that fails, the first time included
 * @param maxFailedRows the job stops when more rows than this fail; null for no limit
 * @param maxFailedRatio the job stops when more than this fraction of the manifest's rows fails;
 *     null for no limit
 */
public record RunOptions(int ioAttempts, Long maxFailedRows, Double maxFailedRatio)
    implements Serializable {
  public RunOptions {
    if (maxFailedRows != null && maxFailedRows < 0) {
      throw new UsageException(
          "Invalid --max-failed-rows: " + maxFailedRows + ", expected 0 or more");
    }
    if (maxFailedRatio != null && !(maxFailedRatio >= 0 && maxFailedRatio <= 1)) {
      throw new UsageException(
          "Invalid --max-failed-ratio: " + maxFailedRatio + ", expected 0 to 1");
    }
    if (ioAttempts < 1 || ioAttempts > Retries.MAX_ATTEMPTS) {
      throw new UsageException(
          "Invalid --io-attempts: " + ioAttempts + ", expected 1 to " + Retries.MAX_ATTEMPTS);
    }
  }

  /** How often files are tried, as {@code --io-attempts} says. */
  public Retries retries() {
    return new Retries(ioAttempts, Retries.DEFAULT.firstWaitMillis());
  }

  /** The reason to stop the job; null if it may continue. */
  String tooManyFailures(long failed, long rows) {
    if (maxFailedRows != null && failed > maxFailedRows) {
      return Wording.count(failed, "row") + " failed, more than --max-failed-rows " + maxFailedRows;
    }
    if (maxFailedRatio != null && failed > maxFailedRatio * rows) {
      return failed
          + " of "
          + Wording.count(rows, "row")
          + " failed, more than --max-failed-ratio "
          + maxFailedRatio;
    }
    return null;
  }
}
