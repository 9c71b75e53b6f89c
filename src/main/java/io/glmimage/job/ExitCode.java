package io.glmimage.job;

/** Exit codes of the process, for schedulers. */
final class ExitCode {
  /** All rows are edited. */
  static final int DONE = 0;

  /** The command cannot start as given; nothing was changed. */
  static final int USAGE = 1;

  /** The job has finished; some rows failed. */
  static final int SOME_ROWS_FAILED = 2;

  /** The job failed. */
  static final int JOB_FAILED = 3;

  private ExitCode() {}
}
