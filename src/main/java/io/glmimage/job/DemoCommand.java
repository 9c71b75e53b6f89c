package io.glmimage.job;

import io.glmimage.io.Storage;
import io.glmimage.manifest.EditDefaults;
import io.glmimage.manifest.ManifestOptions;
import io.glmimage.output.EditedImageOptions;
import io.glmimage.output.OutputOptions;
import io.glmimage.output.RunReport;
import io.glmimage.plan.PlanOptions;
import io.glmimage.spark.results.ResultsTable;
import io.glmimage.spark.results.ShownResult;
import io.glmimage.spark.run.RunOptions;
import java.io.PrintWriter;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Example, edit, show and contact sheet in one JVM. */
@Command(
    name = "demo",
    description = {
      "Writes the example manifest, edits it, prints the result table and draws a contact sheet.",
      "",
      "One of the ten rows is deliberately corrupt; the command succeeds if just that one fails.",
      ""
    })
final class DemoCommand implements Callable<Integer> {
  @Parameters(
      arity = "0..1",
      paramLabel = "OUT",
      defaultValue = "target/demo",
      description =
          "Folder for OUT/example, OUT/images, OUT/results, OUT/summary.json and"
              + " OUT/contact-sheet.png; those of an earlier demo are replaced. Default:"
              + " ${DEFAULT-VALUE}.")
  private String out;

  @Mixin private EngineFlags engine = new EngineFlags();

  @Option(names = "--seed", paramLabel = "N", description = "The job's seed (64-bit). Default: 0.")
  private long seed;

  @Option(
      names = "--batch-size",
      paramLabel = "ROWS",
      description = "Rows edited together. Default: " + PlanOptions.DEFAULT_BATCH_SIZE + ".")
  private int batchSize = PlanOptions.DEFAULT_BATCH_SIZE;

  @Mixin private SessionFlags session = new SessionFlags();

  private final Console console;

  DemoCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() throws Exception {
    PrintWriter text = console.out();
    PlanOptions plan = new PlanOptions(batchSize, null);
    try (Session spark = session.open(console)) {
      Storage storage = spark.storage();
      String root = storage.qualified(out);
      // Only a demo's own results are replaced.
      boolean again = storage.exists(root + "/example/manifest.parquet");
      JobOptions options =
          new JobOptions(
              new ManifestOptions(root + "/example/manifest.parquet", Map.of(), List.of()),
              new EditDefaults(
                  seed,
                  ExampleManifest.STEPS,
                  ExampleManifest.GUIDANCE,
                  null,
                  null,
                  EditDefaults.DEFAULT_MAX_PIXELS),
              plan,
              OutputOptions.fresh(root, again),
              EditedImageOptions.DEFAULT,
              engine.options(),
              RunOptions.DEFAULT);
      new ExampleManifest(spark).write(root + "/example");
      text.println(
          "Editing "
              + ExampleManifest.size()
              + " rows; "
              + ExampleManifest.BAD_ID
              + " is deliberately corrupt, to show how a failure looks.");
      text.flush();
      RunReport report = new EditJob(spark, options, console).run();
      List<ShownResult> rows =
          ResultsTable.open(spark.spark(), storage, root).first(ExampleManifest.size());
      ShowCommand.print(rows, text);
      String sheet = root + "/contact-sheet.png";
      ContactSheetCommand.write(rows, root + "/example", storage, sheet);
      boolean asExpected =
          rows.stream().allMatch(row -> row.ok() != row.id().equals(ExampleManifest.BAD_ID));
      text.println(
          asExpected
              ? "As it should be: only " + ExampleManifest.BAD_ID + " failed."
              : "Not as it should be: only " + ExampleManifest.BAD_ID + " should have failed.");
      text.println("Look at " + sheet);
      text.println(console.redaction().get().apply(report.line()));
      return asExpected ? ExitCode.DONE : ExitCode.JOB_FAILED;
    }
  }
}
