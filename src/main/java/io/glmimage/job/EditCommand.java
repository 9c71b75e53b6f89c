package io.glmimage.job;

import io.glmimage.error.Redaction;
import io.glmimage.manifest.ManifestOptions;
import io.glmimage.output.RunReport;
import io.glmimage.plan.PlanOptions;
import io.glmimage.request.Preset;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** The job. */
@Command(
    name = "edit",
    description = {
      "Edits the images of a manifest.",
      "",
      "Reads a manifest (formats: see --manifest-format) with the columns image_paths (one or"
          + " several; null or empty for text-to-image) and prompt. The columns id, seed, height,"
          + " width, num_inference_steps, guidance_scale and mask_path are optional. Writes"
          + " OUTPUT/images/<id>.png, the table OUTPUT/results (Parquet, one result row per manifest"
          + " row), OUTPUT/report.html and, last, OUTPUT/summary.json.",
      ""
    },
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:All rows are edited.",
      "1:The command cannot start as given; nothing was changed.",
      "2:The job has finished; some rows failed (status FAILED in the table)."
          + " --failed-rows-exit-code gives another code.",
      "3:The job failed."
    })
final class EditCommand implements Callable<Integer> {
  @Mixin private ManifestFlags manifest = new ManifestFlags();

  @Option(
      names = "--output",
      required = true,
      paramLabel = "DIR",
      description =
          "Folder for the results, on any Hadoop file system. Results of an earlier run there are"
              + " kept.")
  private String output;

  @Mixin private ResultsTableFlags resultsTable = new ResultsTableFlags();

  @Mixin private GuaranteeFlags guarantees = new GuaranteeFlags();

  @Mixin private ExitCodeFlags exitCodes = new ExitCodeFlags();

  @Mixin private EngineFlags engine = new EngineFlags();

  @Mixin private DefaultsFlags defaults = new DefaultsFlags();

  @Mixin private SourceFlags sources = new SourceFlags();

  @Option(
      names = "--keep-metadata",
      paramLabel = "none|exif|exif+gps",
      defaultValue = "none",
      description =
          "What an edited image keeps of the metadata of its first source image. exif: EXIF"
              + " without orientation, sizes, thumbnail, maker note and place; exif+gps: also the place."
              + " Default: ${DEFAULT-VALUE}.")
  private String metadata;

  @Mixin private EditedImageFlags images = new EditedImageFlags();

  @Mixin private QualityFlags quality = new QualityFlags();

  @Option(
      names = "--batch-size",
      paramLabel = "ROWS",
      description =
          "Most rows that a task has in memory (1 to "
              + PlanOptions.MAX_BATCH_SIZE
              + "): being read, waiting for the model, edited or written. The model edits the rows of"
              + " all tasks of a GPU together. Lower it if source images are very large. Does not"
              + " change the edited images. Default: ${DEFAULT-VALUE}.")
  private int batchSize = PlanOptions.DEFAULT_BATCH_SIZE;

  @Option(
      names = "--partitions",
      paramLabel = "N",
      description =
          "Number of Spark tasks. Does not change the edited images. Default: chosen so that a task"
              + " edits a few dozen rows.")
  private Integer partitions;

  @Option(
      names = "--gpu-hour-price",
      paramLabel = "P",
      description =
          "Price of a GPU for an hour. The summary, the report and the progress then have the cost"
              + " of the run. Default: none.")
  private Double gpuHourPrice;

  @Option(
      names = "--progress",
      paramLabel = "auto|on|off",
      defaultValue = "auto",
      description =
          "Where the progress is shown. auto: a bar on a terminal, nothing elsewhere. on: without a"
              + " terminal, a line every ten seconds. Default: ${DEFAULT-VALUE}.")
  private ProgressMode progress;

  @Mixin private SessionFlags session = new SessionFlags();

  @Spec private CommandSpec spec;

  private final Console console;

  /** Null before Spark has started. Read by the thread that stops the process. */
  private volatile EditJob job;

  EditCommand(Console console) {
    this.console = console;
  }

  /**
   * The options of the job that these arguments describe.
   *
   * @param arguments as on the command line; no file of arguments is read
   */
  static JobOptions options(Console console, List<String> arguments) {
    EditCommand edit = new EditCommand(console);
    new CommandLine(edit)
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setExpandAtFiles(false)
        .parseArgs(arguments.toArray(String[]::new));
    return edit.options();
  }

  JobOptions options() {
    ManifestOptions rows = manifest.options();
    Preset preset = defaults.preset();
    return new JobOptions(
        rows,
        defaults.options(engine.precision(preset)),
        new PlanOptions(batchSize, partitions),
        guarantees.output(output),
        images.options(),
        quality.options(),
        engine.options(preset),
        guarantees.run(),
        sources.options(metadata),
        exitCodes.failedRows(),
        gpuHourPrice,
        progress,
        resultsTable.choice(rows),
        JobOptions.valuesOf(spec));
  }

  @Override
  public Integer call() throws Exception {
    // Before Spark starts, so that a wrong option is reported at once.
    JobOptions options = options();
    console
        .termination()
        .onStop(() -> console.printResult(ResultLine.stopped(known(), console.redaction().get())));
    RunReport report;
    String work = "edit " + Session.shortName(options.manifest().path());
    try (ProgressBar bar = new ProgressBar(console, options.progress(), "Start Spark");
        Session spark = session.open(console, work)) {
      job = new EditJob(spark, options, console, bar);
      report = job.run();
      bar.begin("Stop Spark");
    }
    // After Spark has stopped: schedulers show the last lines, and Spark may log a lot.
    job.printFailures(report);
    int exitCode = options.exitCode(report.rows());
    Redaction redaction = console.redaction().get();
    console.out().println(redaction.apply(report.line()));
    console.printResult(ResultLine.of(report, exitCode, redaction));
    return exitCode;
  }

  /** What is known of the run so far. */
  ResultLine.Known known() {
    EditJob running = job;
    return running == null ? ResultLine.Known.NOTHING : running.known();
  }
}
