package io.glmimage.job;

import picocli.CommandLine.Option;

/** The option for schedulers that start a job again after any exit code but 0. */
final class ExitCodeFlags {
  @Option(
      names = "--failed-rows-exit-code",
      paramLabel = "N",
      defaultValue = "" + ExitCode.SOME_ROWS_FAILED,
      description =
          "Exit code if the command has finished and some rows are bad or failed. 0 suits"
              + " schedulers that restart a job after any other code (0 to "
              + ExitCode.HIGHEST
              + ", except 1, 3 and 70). Default: ${DEFAULT-VALUE}.")
  private int failedRows;

  /** The exit code of a command that has finished, with failed rows. */
  int failedRows() {
    return ExitCode.ofFailedRows(failedRows);
  }
}
