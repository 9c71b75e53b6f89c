package io.glmimage.job;

import picocli.CommandLine.Option;

/** Options of the Spark session. */
final class SessionFlags {
  @Option(
      names = "--master",
      paramLabel = "local[N]",
      description =
          "Embedded mode only: number of concurrent tasks. Under spark-submit, use its own --master."
              + " Default: "
              + Session.DEFAULT_MASTER
              + " (one task per core, two attempts each).")
  private String master;

  /**
   * @param work names the application in Spark's UI, such as {@code "edit rows.parquet"}
   */
  Session open(Console console, String work) {
    Session session = Session.open(master, work);
    console.redaction().set(session.redaction());
    return session;
  }
}
