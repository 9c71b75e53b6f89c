package io.glmimage.job;

import io.glmimage.io.Storage;
import io.glmimage.output.ContactSheetFile;
import io.glmimage.output.RunReport;
import io.glmimage.output.ShownResult;
import io.glmimage.plan.PlanOptions;
import io.glmimage.spark.engine.EngineOptions;
import io.glmimage.spark.results.ResultsTable;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.Spec;

/** Example, edit, show and contact sheet in one JVM. */
@Command(
    name = "demo",
    description = {
      "Writes the example manifest, edits it, prints the result table and draws a contact sheet.",
      "",
      "One of the ten rows is deliberately corrupt; the command succeeds if only that row fails.",
      ""
    })
final class DemoCommand implements Callable<Integer> {
  @Parameters(
      arity = "0..1",
      paramLabel = "OUT",
      defaultValue = "target/demo",
      description =
          "Folder for OUT/example, OUT/images, OUT/results, OUT/summary.json and"
              + " OUT/contact-sheet.png. Results of an earlier demo there are replaced. Default:"
              + " ${DEFAULT-VALUE}.")
  private String out;

  // Read by way of the command's model, where the options are found by name.
  @SuppressWarnings("UnusedVariable")
  @Mixin
  private EngineFlags engine = new EngineFlags();

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "Base seed (64-bit). Default: ${DEFAULT-VALUE}.")
  private long seed;

  @Option(
      names = "--batch-size",
      paramLabel = "ROWS",
      description = "Most rows that a task has in memory. Default: ${DEFAULT-VALUE}.")
  private int batchSize = PlanOptions.DEFAULT_BATCH_SIZE;

  @Mixin private SessionFlags session = new SessionFlags();

  @Spec private CommandSpec spec;

  private final Console console;

  DemoCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() throws Exception {
    PrintWriter text = console.out();
    // Before Spark starts, so that a wrong option is reported at once.
    options("example/manifest.parquet", "demo", false);
    try (ProgressBar bar = new ProgressBar(console, ProgressMode.AUTO, "Start Spark");
        Session spark = session.open(console, "demo")) {
      Storage storage = spark.storage();
      String root = storage.qualified(out);
      String manifest = root + "/example/manifest.parquet";
      // Only results of an earlier demo are replaced.
      JobOptions options = options(manifest, root, storage.exists(manifest));
      new ExampleManifest(spark).write(root + "/example");
      text.println(
          "Editing "
              + ExampleManifest.size()
              + " rows. "
              + ExampleManifest.BAD_ID
              + " is deliberately corrupt, to show a failure.");
      text.flush();
      EditJob job = new EditJob(spark, options, console, bar);
      RunReport report = job.run();
      bar.close();
      job.printFailures(report);
      List<ShownResult> rows =
          ResultsTable.open(spark.spark(), storage, root).first(ExampleManifest.size());
      ShowCommand.print(rows, text);
      String sheet = root + "/contact-sheet.png";
      new ContactSheetFile(storage, root + "/example").write(rows, sheet);
      boolean asExpected =
          rows.stream().allMatch(row -> row.ok() != row.id().equals(ExampleManifest.BAD_ID));
      text.println(
          asExpected
              ? "As expected, only " + ExampleManifest.BAD_ID + " failed."
              : "Unexpected result: only " + ExampleManifest.BAD_ID + " should have failed.");
      text.println("Contact sheet: " + sheet);
      text.println(console.redaction().get().apply(report.line()));
      return asExpected ? ExitCode.DONE : ExitCode.JOB_FAILED;
    }
  }

  /** The options of the edit command, those given to this command included. */
  private JobOptions options(String manifest, String output, boolean overwrite) {
    List<String> arguments = new ArrayList<>();
    arguments.add("--manifest=" + manifest);
    arguments.add("--output=" + output);
    arguments.add("--steps=" + ExampleManifest.STEPS);
    arguments.add("--guidance=" + ExampleManifest.GUIDANCE);
    arguments.add("--seed=" + seed);
    arguments.add("--batch-size=" + batchSize);
    arguments.add("--no-resume");
    if (overwrite) {
      arguments.add("--overwrite");
    }
    ParseResult parsed = spec.commandLine().getParseResult();
    if (!parsed.hasMatchedOption("--model")) {
      // The name lets the demo run on a cluster, too.
      arguments.add("--model=" + EngineOptions.DEMO);
    }
    for (OptionSpec option : spec.mixins().get("engine").options()) {
      String name = option.longestName();
      if (parsed.hasMatchedOption(name)) {
        arguments.add(name + "=" + parsed.matchedOption(name).originalStringValues().get(0));
      }
    }
    return EditCommand.options(console, arguments);
  }
}
