package io.glmimage.job;

import io.glmimage.manifest.EditDefaults;
import io.glmimage.manifest.ManifestOptions;
import io.glmimage.output.RunReport;
import io.glmimage.plan.PlanOptions;
import io.glmimage.request.EditRequest;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
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
      "Reads a Parquet manifest with the columns image_paths (string or array of strings; null or"
          + " empty for text-to-image) and prompt, optionally id, seed, height, width,"
          + " num_inference_steps, guidance_scale. Writes OUTPUT/images/<id>.png, the table"
          + " OUTPUT/results (Parquet, one line per manifest row) and, last, OUTPUT/summary.json.",
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
  @Option(
      names = "--manifest",
      required = true,
      paramLabel = "PATH",
      description =
          "Parquet file or folder of Parquet files, on any Hadoop file system (s3a://, hdfs://,"
              + " file:, a plain path). Relative image paths start at the folder that holds it.")
  private String manifest;

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

  @Option(
      names = "--steps",
      paramLabel = "N",
      description =
          "Denoising steps (1 to "
              + EditDefaults.MAX_STEPS
              + ") of rows without num_inference_steps. Default: "
              + EditRequest.DEFAULT_STEPS
              + ".")
  private int steps = EditRequest.DEFAULT_STEPS;

  @Option(
      names = {"--guidance", "--guidance-scale"},
      paramLabel = "X",
      description =
          "Classifier-free guidance (0 to 100; 1 or less switches it off and halves the time) of"
              + " rows without guidance_scale. Default: "
              + EditRequest.DEFAULT_GUIDANCE_SCALE
              + ".")
  private double guidance = EditRequest.DEFAULT_GUIDANCE_SCALE;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description =
          "The job's seed (64-bit). Rows without a seed get one derived from it and their id,"
              + " whatever their partition. Default: 0.")
  private long seed;

  @Option(
      names = "--height",
      paramLabel = "PIXELS",
      description =
          "Output height of rows without height; rounded down to a multiple of 32. Default: the"
              + " first source's; text-to-image: 1024.")
  private Integer height;

  @Option(
      names = "--width",
      paramLabel = "PIXELS",
      description =
          "Output width of rows without width; rounded down to a multiple of 32. Default: the first"
              + " source's; text-to-image: 1024.")
  private Integer width;

  @Option(
      names = "--max-pixels",
      paramLabel = "N",
      description =
          "Largest output (height times width, in pixels); a row that asks for more fails. Default:"
              + " "
              + EditDefaults.DEFAULT_MAX_PIXELS
              + " (2048 x 2048).")
  private long maxPixels = EditDefaults.DEFAULT_MAX_PIXELS;

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

  @Option(
      names = "--columns",
      paramLabel = "FIELD=NAME",
      split = ",",
      description =
          "Manifest columns with names of their own, such as prompt=caption,image_paths=file."
              + " Default: the fields' names.")
  private Map<String, String> columns = new LinkedHashMap<>();

  @Option(
      names = "--drop-columns",
      paramLabel = "NAME",
      split = ",",
      description =
          "Manifest columns to leave out of the result table. Default: none, all other columns are"
              + " passed through.")
  private List<String> dropped = List.of();

  @Mixin private SessionFlags session = new SessionFlags();

  private final Console console;

  EditCommand(Console console) {
    this.console = console;
  }

  JobOptions options() {
    return new JobOptions(
        new ManifestOptions(manifest, columns, dropped),
        new EditDefaults(seed, steps, guidance, height, width, maxPixels),
        new PlanOptions(batchSize, partitions),
        guarantees.output(output),
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
