package io.glmimage.job;

import io.glmimage.io.Retries;
import io.glmimage.output.OutputOptions;
import io.glmimage.output.OutputOptions.ResumeCheck;
import io.glmimage.spark.run.RunOptions;
import picocli.CommandLine.Option;

/** Options about results of earlier runs, retries and failure limits. */
final class GuaranteeFlags {
  @Option(
      names = "--overwrite",
      description = "Remove all results in the output folder first. Default: off; they are kept.")
  private boolean overwrite;

  @Option(
      names = "--resume",
      negatable = true,
      defaultValue = "true",
      fallbackValue = "true",
      description =
          "Keep rows that an earlier run has finished with the same settings, and edit the others."
              + " --no-resume refuses a folder that holds results. Default: on.")
  private boolean resume;

  @Option(
      names = "--keep-failed",
      description =
          "Also keep rows that failed in an earlier run. Default: off; they are tried again.")
  private boolean keepFailed;

  @Option(
      names = "--resume-check",
      paramLabel = "rows|files",
      defaultValue = "files",
      description =
          "What is compared before a row is kept. rows: the row, the options and the model;"
              + " files: also size and version of its source images, and whether its edited image exists"
              + " (one request per file). Default: ${DEFAULT-VALUE}.")
  private ResumeCheck check;

  @Option(
      names = "--commit-seconds",
      paramLabel = "S",
      defaultValue = "" + OutputOptions.DEFAULT_COMMIT_SECONDS,
      description =
          "Longest time, in seconds, that a finished row may stay unsaved (0 to 3600). Default:"
              + " ${DEFAULT-VALUE}.")
  private double commitSeconds;

  @Option(
      names = "--lock-timeout",
      paramLabel = "S",
      description =
          "Seconds without a renewal after which the lock of another run counts as abandoned. Default:"
              + " ${DEFAULT-VALUE}.")
  private int lockTimeout = OutputOptions.DEFAULT_LOCK_TIMEOUT_SECONDS;

  @Option(
      names = "--io-attempts",
      paramLabel = "N",
      description =
          "Attempts (1 to "
              + Retries.MAX_ATTEMPTS
              + ") at reading or writing a file, if it fails for a temporary reason. Default:"
              + " ${DEFAULT-VALUE}.")
  private int ioAttempts = Retries.DEFAULT_ATTEMPTS;

  @Option(
      names = "--max-failed-rows",
      paramLabel = "N",
      description = "Stop the job when more than this many rows fail. Default: no limit.")
  private Long maxFailedRows;

  @Option(
      names = "--max-failed-ratio",
      paramLabel = "X",
      description =
          "Stop the job when more than this fraction (0 to 1) of the manifest's rows fails. Default: no"
              + " limit.")
  private Double maxFailedRatio;

  OutputOptions output(String path) {
    return new OutputOptions(
        path, overwrite, resume, keepFailed, check, commitSeconds, lockTimeout);
  }

  RunOptions run() {
    return new RunOptions(ioAttempts, maxFailedRows, maxFailedRatio);
  }
}
