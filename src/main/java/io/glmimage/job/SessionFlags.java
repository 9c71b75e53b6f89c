package io.glmimage.job;

import picocli.CommandLine.Option;

/** Options of the Spark session. */
final class SessionFlags {
  @Option(
      names = "--master",
      paramLabel = "local[N]",
      description =
          "Embedded mode only: how many tasks run at the same time. Default: "
              + Session.DEFAULT_MASTER
              + " (a task per core, two attempts each). Under spark-submit its --master holds.")
  private String master;

  Session open(Console console) {
    Session session = Session.open(master);
    console.redaction().set(session.redaction());
    return session;
  }
}
