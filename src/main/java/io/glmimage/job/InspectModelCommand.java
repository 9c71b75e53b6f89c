package io.glmimage.job;

import io.glmimage.error.CheckpointException;
import io.glmimage.json.Json;
import io.glmimage.pipeline.CheckpointReport;
import io.glmimage.spark.engine.EngineOptions;
import io.glmimage.weights.AdapterSpec;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Checks a model folder before it costs GPU time. */
@Command(
    name = "inspect-model",
    description = {
      "Checks a model folder without a GPU, in one pass: its parts, the memory that they need,"
          + " differences from the published files, and every problem.",
      "",
      "Reads configurations, tokenizers and the headers of weight files, but no weights.",
      ""
    },
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:The model can be loaded.",
      "1:The model cannot be loaded, or an option is wrong.",
      "3:The check failed."
    })
final class InspectModelCommand implements Callable<Integer> {
  @Option(
      names = "--model",
      required = true,
      paramLabel = "DIR",
      description =
          "Folder of a checkpoint, on any Hadoop file system, or demo for the embedded demonstration"
              + " model.")
  private String model;

  @Option(names = "--lora", paramLabel = AdapterSpec.SYNTAX, description = EngineFlags.LORA)
  private List<String> lora = new ArrayList<>();

  @Option(
      names = "--gpu-memory",
      paramLabel = "GB",
      defaultValue = "",
      description =
          "Also print where the weights would be on a GPU with that memory in GB (10^9 bytes), for each"
              + " precision. Default: no plan.")
  private String gpuMemory;

  @Option(names = "--json", description = "Print JSON. Default: off; text.")
  private boolean json;

  @Mixin private SessionFlags session = new SessionFlags();

  private final Console console;

  InspectModelCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() throws Exception {
    long budget = EngineOptions.gpuMemory("--gpu-memory", gpuMemory);
    CheckpointReport report;
    try {
      report = inspect();
    } catch (CheckpointException e) {
      console.err().println(console.redaction().get().apply(e.getMessage()));
      return ExitCode.USAGE;
    }
    if (json) {
      print(report, budget, console.out());
    } else {
      ModelReportText.print(report, console.out());
      if (budget > 0) {
        ModelReportText.printPlans(report, budget, console.out());
      }
    }
    console.out().flush();
    return report.usable() ? ExitCode.DONE : ExitCode.USAGE;
  }

  private CheckpointReport inspect() throws IOException {
    List<AdapterSpec> adapters = AdapterSpec.parseAll("--lora", lora);
    boolean local =
        ModelInspection.isLocal(model)
            && adapters.stream().allMatch(a -> ModelInspection.isLocal(a.location()));
    if (local) {
      return ModelInspection.ofLocal(model, adapters);
    }
    try (Session spark = session.open(console, "inspect-model")) {
      return ModelInspection.of(model, adapters, spark.storage());
    }
  }

  private static void print(CheckpointReport report, long budget, PrintWriter out)
      throws IOException {
    Map<String, Object> fields = ModelReportText.fields(report);
    if (budget > 0) {
      fields.put("memory_plans", ModelReportText.planFields(report, budget));
    }
    out.println(Json.INDENTED.writeValueAsString(fields));
  }
}
