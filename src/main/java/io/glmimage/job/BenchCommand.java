package io.glmimage.job;

import io.glmimage.bench.BenchReport;
import io.glmimage.bench.BenchReport.Figure;
import io.glmimage.bench.BenchSettings;
import io.glmimage.bench.PipelineBenchmark;
import io.glmimage.error.UsageException;
import io.glmimage.io.LocalFolders;
import io.glmimage.spark.engine.EngineOptions;
import io.glmimage.weights.CheckpointFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Measures speed. */
@Command(
    name = "bench",
    description = {
      "Measures the speed of the model's parts and of whole edits, with random weights, beside what the device could do"
          + " at best (the floor). Needs no checkpoint, no Spark and no manifest.",
      ""
    })
final class BenchCommand implements Callable<Integer> {
  private static final String GEOMETRY = "models/glm-image-geometry";

  @Option(
      names = "--geometry",
      paramLabel = "DIR",
      description =
          "Checkpoint folder whose configuration files give the sizes; its weights are not read. Default: the 16 billion"
              + " parameter model's. tiny stands for the embedded model.")
  private String geometry;

  @Option(
      names = "--device",
      paramLabel = "DEVICE",
      description = "auto, cpu, cuda or cuda:N. Default: auto.")
  private String device = "auto";

  @Option(names = "--precision", paramLabel = "PRECISION", description = EngineFlags.PRECISION)
  private String precision = EngineOptions.DEFAULT_PRECISION;

  @Option(
      names = "--height",
      paramLabel = "PIXELS",
      description = "Of sources and results. Default: 1024.")
  private int height = 1024;

  @Option(
      names = "--width",
      paramLabel = "PIXELS",
      description = "Of sources and results. Default: 1024.")
  private int width = 1024;

  @Option(
      names = "--steps",
      paramLabel = "N",
      description = "Denoising steps of an edit. Default: 50.")
  private int steps = 50;

  @Option(
      names = "--guidance",
      paramLabel = "X",
      description = "Guidance scale of an edit. Default: 1.5.")
  private double guidance = 1.5;

  @Option(
      names = "--step-cache",
      paramLabel = "X",
      description = "Step caching of an edit, as for edit. Default: 0.")
  private double stepCache;

  @Option(
      names = "--edits",
      paramLabel = "N",
      description = "Edits of the end-to-end measurement. Default: 16.")
  private int edits = 16;

  @Option(
      names = "--sources",
      paramLabel = "N",
      description = "Source images of an edit. Default: 1.")
  private int sources = 1;

  @Option(
      names = "--text-tokens",
      paramLabel = "N",
      description = "Length of the prompt. Default: 40.")
  private int textTokens = 40;

  @Option(
      names = "--teraflops",
      paramLabel = "X",
      description =
          "What the device's matrix products reach, in TFLOP/s, for the floors; twice that is taken for fp8."
              + " Default: 790 (one H100, bf16).")
  private double teraflops = 790;

  @Option(
      names = "--terabytes",
      paramLabel = "X",
      description =
          "The device's memory bandwidth in TB/s, for the floors. Default: 3.0 (one H100).")
  private double terabytes = 3.0;

  @Option(
      names = "--json",
      paramLabel = "FILE",
      description = "Also writes the figures to a JSON file.")
  private Path json;

  private final Console console;

  BenchCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() throws Exception {
    BenchSettings settings = settings();
    console.out().println(BenchReport.HEADING);
    BenchReport report = PipelineBenchmark.run(folder(), device, precision, settings, this::print);
    report.footer().forEach(console.out()::println);
    if (json != null) {
      Files.write(json, report.json(device, precision, settings));
    }
    return ExitCode.DONE;
  }

  private void print(Figure figure) {
    console.out().println(figure.line());
    console.out().flush();
  }

  private BenchSettings settings() {
    EngineOptions.checkPrecision(precision);
    try {
      return new BenchSettings(
          height,
          width,
          steps,
          guidance,
          stepCache,
          edits,
          sources,
          textTokens,
          new BenchSettings.Peak(teraflops, terabytes));
    } catch (IllegalArgumentException e) {
      throw new UsageException(e.getMessage());
    }
  }

  private CheckpointFolder folder() throws IOException {
    Path root;
    if (geometry == null || geometry.equals("tiny")) {
      String resource = geometry == null ? GEOMETRY : "models/glm-image-tiny";
      root =
          LocalFolders.ofResource(
              BenchCommand.class.getClassLoader(), resource, "model_index.json");
    } else {
      root = Path.of(geometry);
    }
    return CheckpointFolder.openWithRandomWeights(root);
  }
}
