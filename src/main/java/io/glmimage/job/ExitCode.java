package io.glmimage.job;

import io.glmimage.error.UsageException;
import java.util.List;

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

  /** Greater codes are those of processes that a signal has ended. */
  static final int HIGHEST = 125;

  /** The launcher's code for a job that it cannot start. */
  private static final int LAUNCH_FAILED = 70;

  private ExitCode() {}

  /**
   * Checks the code that the user wants for failed rows.
   *
   * @throws UsageException if it is not an exit code, or has another meaning
   */
  static int ofFailedRows(int code) {
    if (code < 0 || code > HIGHEST || List.of(USAGE, JOB_FAILED, LAUNCH_FAILED).contains(code)) {
      throw new UsageException(
          "Invalid --failed-rows-exit-code: "
              + code
              + ", expected 0 to "
              + HIGHEST
              + " except "
              + USAGE
              + ", "
              + JOB_FAILED
              + " and "
              + LAUNCH_FAILED
              + ", which have other meanings");
    }
    return code;
  }
}
