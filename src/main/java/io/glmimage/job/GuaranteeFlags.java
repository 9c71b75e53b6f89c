package io.glmimage.job;

import io.glmimage.io.Retries;
import io.glmimage.output.OutputOptions;
import io.glmimage.output.OutputOptions.ResumeCheck;
import io.glmimage.spark.run.RunOptions;
import picocli.CommandLine.Option;

/** Options about earlier runs' results and about how much may go wrong. */
final class GuaranteeFlags {
  @Option(
      names = "--overwrite",
      description = "Remove the results that the output folder holds first. Default: keep them.")
  private boolean overwrite;

  @Option(
      names = "--resume",
      negatable = true,
      defaultValue = "true",
      fallbackValue = "true",
      description =
          "Keep rows that an earlier run has done in the same way, and do the others; --no-resume"
              + " refuses a folder that holds results. Default: resume.")
  private boolean resume;

  @Option(
      names = "--keep-failed",
      description = "Also keep rows that an earlier run has failed at. Default: try them again.")
  private boolean keepFailed;

  @Option(
      names = "--resume-check",
      paramLabel = "rows|files",
      defaultValue = "FILES",
      description =
          "What is compared before a row is kept: rows (the row, the options and the model), or"
              + " files (also its sources' sizes and versions, and that its picture is there; one"
              + " request for each file). Default: files.")
  private ResumeCheck check;

  @Option(
      names = "--commit-seconds",
      paramLabel = "S",
      description =
          "Tasks write finished rows down at least this often (0 to 3600), so that no more is lost"
              + " with a process. Default: "
              + OutputOptions.DEFAULT_COMMIT_SECONDS
              + ".")
  private double commitSeconds = OutputOptions.DEFAULT_COMMIT_SECONDS;

  @Option(
      names = "--lock-timeout",
      paramLabel = "S",
      description =
          "A run that has given no sign of life for this many seconds is taken for dead, and its"
              + " output folder is free. Default: "
              + OutputOptions.DEFAULT_LOCK_TIMEOUT_SECONDS
              + ".")
  private int lockTimeout = OutputOptions.DEFAULT_LOCK_TIMEOUT_SECONDS;

  @Option(
      names = "--io-attempts",
      paramLabel = "N",
      description =
          "How often reading or writing a file is tried (1 to "
              + Retries.MAX_ATTEMPTS
              + ") where it fails for a reason that may pass. Default: "
              + Retries.DEFAULT_ATTEMPTS
              + ".")
  private int ioAttempts = Retries.DEFAULT_ATTEMPTS;

  @Option(
      names = "--max-failed-rows",
      paramLabel = "N",
      description = "Stop the job when more rows than this fail. Default: no limit.")
  private Long maxFailedRows;

  @Option(
      names = "--max-failed-ratio",
      paramLabel = "X",
      description =
          "Stop the job when more than this part (0 to 1) of the rows to do fails. Default: no"
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
