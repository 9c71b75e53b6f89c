package io.glmimage.job;

/** What the process returns, for schedulers. */
final class ExitCode {
  /** All rows are done. */
  static final int DONE = 0;

  /** The command cannot start as given; nothing was done. */
  static final int USAGE = 1;

  /** The job is done, some rows failed. */
  static final int SOME_ROWS_FAILED = 2;

  /** The job failed. */
  static final int JOB_FAILED = 3;

  private ExitCode() {}
}
