package io.glmimage.job;

import io.glmimage.error.InvalidRequestException;
import io.glmimage.image.ImageDecoder;
import io.glmimage.image.ImageEncoder;
import io.glmimage.image.RgbImage;
import io.glmimage.io.Storage;
import io.glmimage.manifest.ImagePaths;
import io.glmimage.output.ContactSheet;
import io.glmimage.spark.results.ResultsTable;
import io.glmimage.spark.results.ShownResult;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
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
  private static final long MAX_FILE_BYTES = 256L << 20;

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
          "Manifest of the run. Relative image paths start at the folder that holds it. Default: they"
              + " start at the --results folder.")
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
    try (Session spark = session.open(console)) {
      Storage storage = spark.storage();
      ResultsTable table = ResultsTable.open(spark.spark(), storage, results);
      String folder = manifest == null ? storage.qualified(results) : storage.parent(manifest);
      write(table.first(rows), folder, storage, output);
      console.out().println("Wrote " + storage.qualified(output));
      return ExitCode.DONE;
    }
  }

  /**
   * @param folder base of relative image paths
   */
  static void write(List<ShownResult> results, String folder, Storage storage, String output)
      throws IOException {
    List<ContactSheet.Entry> entries = new ArrayList<>();
    for (ShownResult row : results) {
      RgbImage source = null;
      String note = "(text-to-image)";
      if (!row.imagePaths().isEmpty()) {
        String path = ImagePaths.resolve(folder, row.imagePaths().get(0));
        try {
          source = image(storage, path);
        } catch (IOException | InvalidRequestException e) {
          // The cell says why it is empty; the other rows are drawn.
          note = "(" + row.imagePaths().get(0) + " cannot be shown)";
        }
      }
      entries.add(
          new ContactSheet.Entry(
              row.id(),
              row.prompt() == null ? "" : row.prompt(),
              row.ok()
                  ? String.format(
                      Locale.ROOT,
                      "%d x %d, seed %d, %.1f s",
                      row.width(),
                      row.height(),
                      row.seed(),
                      row.seconds())
                  : row.errorClass(),
              source,
              note,
              row.ok() ? image(storage, row.outputPath()) : null,
              row.error()));
    }
    storage.write(output, ImageEncoder.png(ContactSheet.draw(entries)));
  }

  private static RgbImage image(Storage storage, String path) throws IOException {
    return ImageDecoder.decode(storage.read(path, MAX_FILE_BYTES), path);
  }
}
