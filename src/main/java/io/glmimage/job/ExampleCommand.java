package io.glmimage.job;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** Writes the example manifest. */
@Command(
    name = "example",
    description = {
      "Writes an example manifest and its pictures into a folder.",
      "",
      "Ten rows for the embedded tiny model: eight edits, one text-to-image and one row whose image"
          + " is deliberately corrupt, to show how a failure looks.",
      ""
    })
final class ExampleCommand implements Callable<Integer> {
  @Parameters(
      paramLabel = "DIR",
      description = "Folder to write DIR/manifest.parquet and DIR/sources into.")
  private String folder;

  @Mixin private SessionFlags session = new SessionFlags();

  private final Console console;

  ExampleCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() throws Exception {
    try (Session spark = session.open(console)) {
      String manifest = new ExampleManifest(spark).write(folder);
      console.out().println("Wrote " + manifest);
      return ExitCode.DONE;
    }
  }
}
