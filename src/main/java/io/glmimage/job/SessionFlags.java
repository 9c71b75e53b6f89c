package io.glmimage.job;

import picocli.CommandLine.Option;

/** Options of the Spark session. */
final class SessionFlags {
  static final String VERBOSE = "--verbose";

  @Option(
      names = "--master",
      paramLabel = "local[N]",
      description =
          "Embedded mode only: number of concurrent tasks. Under spark-submit, use its own --master."
              + " Default: "
              + Session.DEFAULT_MASTER
              + " (one task per core, two attempts each).")
  private String master;

  // Read from the command's parse result, where all commands have it.
  @SuppressWarnings("UnusedVariable")
  @Option(
      names = VERBOSE,
      description =
          "Print the stack trace of every failure and warning. Default: off; those of unexpected"
              + " failures only.")
  private boolean verbose;

  /**
   * @param work names the application in Spark's UI, such as {@code "edit rows.parquet"}
   */
  Session open(Console console, String work) {
    Session session = Session.open(master, work, verbose);
    console.redaction().set(session.redaction());
    console.termination().install();
    return session;
  }
}
