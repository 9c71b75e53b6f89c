package io.glmimage.job;

import io.glmimage.bench.BenchReport;
import io.glmimage.bench.BenchReport.Figure;
import io.glmimage.bench.BenchSettings;
import io.glmimage.bench.PipelineBenchmark;
import io.glmimage.error.UsageException;
import io.glmimage.io.LocalFolders;
import io.glmimage.request.Preset;
import io.glmimage.spark.engine.EngineOptions;
import io.glmimage.weights.CheckpointFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Measures the speed of the model on this machine. */
@Command(
    name = "bench",
    description = {
      "Measures the speed of the model's parts and of whole edits, with random weights, and compares it with the limit"
          + " of the device (the floor). Needs no checkpoint, no Spark and no manifest.",
      ""
    })
final class BenchCommand implements Callable<Integer> {
  private static final String GEOMETRY = "models/glm-image-geometry";

  @Option(
      names = "--geometry",
      paramLabel = "DIR",
      description =
          "Checkpoint folder whose configuration files give the sizes, or tiny for the embedded model. Weights are not"
              + " read. Default: the configuration of the 16 billion parameter model.")
  private String geometry;

  @Option(
      names = "--device",
      paramLabel = "DEVICE",
      defaultValue = "auto",
      description = "auto, cpu, cuda or cuda:N. Default: ${DEFAULT-VALUE}.")
  private String device;

  @Option(
      names = "--preset",
      paramLabel = "exact|balanced|fast",
      defaultValue = "exact",
      description = DefaultsFlags.PRESET)
  private String preset;

  @Option(names = "--precision", paramLabel = "PRECISION", description = EngineFlags.PRECISION)
  private String precision;

  @Option(
      names = "--gpu-memory",
      paramLabel = "GB",
      defaultValue = "",
      description = EngineFlags.GPU_MEMORY)
  private String gpuMemory;

  @Option(
      names = "--height",
      paramLabel = "PIXELS",
      description = "Height of source and edited images. Default: ${DEFAULT-VALUE}.")
  private int height = 1024;

  @Option(
      names = "--width",
      paramLabel = "PIXELS",
      description = "Width of source and edited images. Default: ${DEFAULT-VALUE}.")
  private int width = 1024;

  @Option(
      names = "--steps",
      paramLabel = "N",
      description = "Denoising steps of an edit. Default: that of --preset (exact: 50).")
  private Integer steps;

  @Option(names = "--solver", paramLabel = "euler|multistep2", description = DefaultsFlags.SOLVER)
  private String solver;

  @Option(
      names = "--guidance",
      paramLabel = "X",
      description = "Guidance scale of an edit. Default: ${DEFAULT-VALUE}.")
  private double guidance = 1.5;

  @Option(
      names = "--step-cache",
      paramLabel = "X",
      defaultValue = "0",
      description =
          "Step caching (deprecated), as for the command edit. Default: ${DEFAULT-VALUE}.")
  private double stepCache;

  @Option(
      names = "--edits",
      paramLabel = "N",
      description =
          "Edits of the end-to-end measurement; their prior tokens are decoded together. Default:"
              + " ${DEFAULT-VALUE}.")
  private int edits = 16;

  @Option(
      names = "--sources",
      paramLabel = "N",
      description = "Source images per edit. Default: ${DEFAULT-VALUE}.")
  private int sources = 1;

  @Option(
      names = "--text-tokens",
      paramLabel = "N",
      description = "Length of the prompt in tokens. Default: ${DEFAULT-VALUE}.")
  private int textTokens = 40;

  @Option(
      names = "--teraflops",
      paramLabel = "X",
      defaultValue = "790",
      description =
          "Rate of the device's matrix products in TFLOP/s, for the floors; doubled for fp8 layers. Default:"
              + " ${DEFAULT-VALUE} (one H100, bf16).")
  private double teraflops;

  @Option(
      names = "--terabytes",
      paramLabel = "X",
      defaultValue = "3.0",
      description =
          "Memory bandwidth of the device in TB/s, for the floors. Default: ${DEFAULT-VALUE} (one H100).")
  private double terabytes;

  @Option(
      names = "--json",
      paramLabel = "FILE",
      description = "JSON file to write the figures to as well. Default: none.")
  private Path json;

  private final Console console;

  BenchCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() throws Exception {
    Preset chosen = DefaultsFlags.preset(preset);
    precision = precision == null ? chosen.precision() : precision;
    BenchSettings settings = settings(chosen);
    if (json != null) {
      checkFile(json);
    }
    console.out().println(BenchReport.HEADING);
    BenchReport report =
        PipelineBenchmark.run(
            folder(),
            device,
            precision,
            EngineOptions.gpuMemory("--gpu-memory", gpuMemory),
            settings,
            this::print);
    report.footer().forEach(console.out()::println);
    if (json != null) {
      Files.write(json, report.json(device, precision, settings));
    }
    return ExitCode.DONE;
  }

  /** A benchmark takes minutes, and its figures must not be lost at its end. */
  private static void checkFile(Path json) {
    Path folder = json.toAbsolutePath().getParent();
    String why =
        Files.isDirectory(json)
            ? "it is a folder; name the file to write"
            : folder == null || !Files.isWritable(folder)
                ? "its folder does not exist or cannot be written; make it, or name another one"
                : null;
    if (why != null) {
      throw new UsageException("Invalid --json: " + json + ", " + why);
    }
  }

  private void print(Figure figure) {
    console.out().println(figure.line());
    console.out().flush();
  }

  private BenchSettings settings(Preset chosen) {
    EngineOptions.precision("--precision", precision);
    try {
      return new BenchSettings(
          height,
          width,
          steps == null ? chosen.steps() : steps,
          guidance,
          solver == null ? chosen.solver() : DefaultsFlags.solver("--solver", solver),
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
