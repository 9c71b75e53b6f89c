package io.glmimage.job;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** Writes the example manifest. */
@Command(
    name = "example",
    description = {
      "Writes an example manifest and its source images into a folder.",
      "",
      "Ten rows for the embedded tiny model: eight edits, one text-to-image row, and one row whose"
          + " source image is deliberately corrupt, to show a failure.",
      ""
    })
final class ExampleCommand implements Callable<Integer> {
  @Parameters(paramLabel = "DIR", description = "Folder for DIR/manifest.parquet and DIR/sources.")
  private String folder;

  @Mixin private SessionFlags session = new SessionFlags();

  private final Console console;

  ExampleCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() throws Exception {
    try (Session spark = session.open(console, "example")) {
      String manifest = new ExampleManifest(spark).write(folder);
      console.out().println("Wrote " + manifest);
      return ExitCode.DONE;
    }
  }
}
