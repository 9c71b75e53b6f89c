package io.glmimage.job;

import io.glmimage.io.Storage;
import io.glmimage.output.ContactSheetFile;
import io.glmimage.output.OutputLayout;
import io.glmimage.output.SourceFolder;
import io.glmimage.spark.results.ResultsTable;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Draws source images and edited images side by side. */
@Command(
    name = "contact-sheet",
    description = {
      "Draws a contact sheet of a run: source image, prompt and edited image of each row. Failed rows"
          + " show their message.",
      ""
    })
final class ContactSheetCommand implements Callable<Integer> {
  static final int DEFAULT_ROWS = 20;

  @Option(
      names = "--results",
      required = true,
      paramLabel = "DIR",
      description = "Output folder of a run, or its results folder.")
  private String results;

  @Option(
      names = "--manifest",
      paramLabel = "PATH",
      description =
          "Manifest of the run. Relative image paths start at the folder that holds it. Default: the"
              + " manifest that the run's summary.json names.")
  private String manifest;

  @Option(
      names = "--output",
      required = true,
      paramLabel = "FILE",
      description = "PNG file to write.")
  private String output;

  @Option(
      names = "--rows",
      paramLabel = "N",
      description =
          "Largest number of rows to draw (1 to "
              + ShowCommand.MAX_ROWS
              + "). Default: ${DEFAULT-VALUE}.")
  private int rows = DEFAULT_ROWS;

  @Mixin private SessionFlags session = new SessionFlags();

  private final Console console;

  ContactSheetCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() throws Exception {
    ShowCommand.checkRows(rows);
    try (Session spark = session.open(console, "contact-sheet")) {
      spark.describe("Read the results");
      Storage storage = spark.storage();
      storage.refuseFolder("--output", output);
      ResultsTable table = ResultsTable.open(spark.spark(), storage, results);
      new ContactSheetFile(storage, sourceFolder(storage)).write(table.first(rows), output);
      console.out().println("Wrote " + storage.qualified(output));
      return ExitCode.DONE;
    }
  }

  /** Where relative image paths start. */
  private String sourceFolder(Storage storage) throws IOException {
    if (manifest != null) {
      return storage.parent(manifest);
    }
    for (String output : List.of(results, storage.parent(results))) {
      String folder = SourceFolder.of(storage, new OutputLayout(output));
      if (folder != null) {
        return folder;
      }
    }
    return storage.qualified(results);
  }
}
