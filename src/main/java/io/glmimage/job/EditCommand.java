package io.glmimage.job;

import io.glmimage.output.RunReport;
import io.glmimage.plan.PlanOptions;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The job. */
@Command(
    name = "edit",
    description = {
      "Edits the images of a manifest.",
      "",
      "Reads a manifest (Parquet, JSON Lines, CSV or an OpenAI batch) with the columns image_paths"
          + " (one or several; null or empty for text-to-image) and prompt, optionally id, seed,"
          + " height, width, num_inference_steps, guidance_scale. Writes OUTPUT/images/<id>.png, the"
          + " table OUTPUT/results (Parquet, one line per manifest row), OUTPUT/report.html and,"
          + " last, OUTPUT/summary.json.",
      ""
    },
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:All rows are done.",
      "1:The command cannot start as given; nothing was done.",
      "2:The job is done, some rows failed (status FAILED in the table).",
      "3:The job failed."
    })
final class EditCommand implements Callable<Integer> {
  @Mixin private ManifestFlags manifest = new ManifestFlags();

  @Option(
      names = "--output",
      required = true,
      paramLabel = "DIR",
      description =
          "Folder for the results, on any Hadoop file system. What an earlier run has done there is"
              + " kept.")
  private String output;

  @Mixin private GuaranteeFlags guarantees = new GuaranteeFlags();

  @Mixin private EngineFlags engine = new EngineFlags();

  @Mixin private DefaultsFlags defaults = new DefaultsFlags();

  @Mixin private EditedImageFlags pictures = new EditedImageFlags();

  @Option(
      names = "--batch-size",
      paramLabel = "ROWS",
      description =
          "Rows edited together (1 to "
              + PlanOptions.MAX_BATCH_SIZE
              + "); does not change the pictures. Default: "
              + PlanOptions.DEFAULT_BATCH_SIZE
              + ".")
  private int batchSize = PlanOptions.DEFAULT_BATCH_SIZE;

  @Option(
      names = "--partitions",
      paramLabel = "N",
      description =
          "Spark tasks that the rows are spread over; does not change the pictures. Default: chosen"
              + " so that a task edits a few batches.")
  private Integer partitions;

  @Mixin private SessionFlags session = new SessionFlags();

  private final Console console;

  EditCommand(Console console) {
    this.console = console;
  }

  JobOptions options() {
    return new JobOptions(
        manifest.options(),
        defaults.options(),
        new PlanOptions(batchSize, partitions),
        guarantees.output(output),
        pictures.options(),
        engine.options(),
        guarantees.run());
  }

  @Override
  public Integer call() throws Exception {
    // Before Spark starts, so that a wrong option is answered at once.
    JobOptions options = options();
    try (Session spark = session.open(console)) {
      RunReport report = new EditJob(spark, options, console).run();
      console.out().println(console.redaction().get().apply(report.line()));
      return EditJob.exitCode(report);
    }
  }
}
