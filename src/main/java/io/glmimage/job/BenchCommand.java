package io.glmimage.job;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.glmimage.bench.GpuSampler;
import io.glmimage.bench.PipelineBenchmark;
import io.glmimage.bench.PipelineBenchmark.Figure;
import io.glmimage.error.UsageException;
import io.glmimage.io.LocalFolders;
import io.glmimage.spark.engine.EngineOptions;
import io.glmimage.tensor.Libtorch;
import io.glmimage.weights.CheckpointFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
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
    PipelineBenchmark.Settings settings = settings();
    console.out().printf(Locale.ROOT, "%-44s %12s %12s %8s%n", "", "seconds", "floor", "of floor");
    PipelineBenchmark.Report report =
        PipelineBenchmark.run(folder(), device, precision, settings, this::print);
    double memory = Libtorch.gpuMemoryInUse() / 1e9;
    if (memory > 0) {
      console.out().printf(Locale.ROOT, "GPU memory in use at the end: %.1f GB%n", memory);
    }
    GpuSampler.Means gpu = report.gpu();
    if (gpu != null) {
      console
          .out()
          .printf(
              Locale.ROOT,
              "GPU during the edits, by nvidia-smi: busy %.0f %% of the time, %.0f MHz, %.0f W (means of %d samples)%n",
              100 * gpu.busy(),
              gpu.megahertz(),
              gpu.watts(),
              gpu.count());
    }
    if (json != null) {
      Files.write(json, toJson(report, memory));
    }
    return ExitCode.DONE;
  }

  private PipelineBenchmark.Settings settings() {
    EngineOptions.checkPrecision(precision);
    try {
      return new PipelineBenchmark.Settings(
          height,
          width,
          steps,
          guidance,
          stepCache,
          edits,
          sources,
          textTokens,
          teraflops,
          terabytes);
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

  private void print(Figure figure) {
    boolean known = !Double.isNaN(figure.floor());
    console
        .out()
        .printf(
            Locale.ROOT,
            "%-44s %12.4f %12s %8s%n",
            figure.name(),
            figure.seconds(),
            known ? String.format(Locale.ROOT, "%.4f", figure.floor()) : "",
            known
                ? String.format(Locale.ROOT, "%.0f %%", 100 * figure.floor() / figure.seconds())
                : "");
    console.out().flush();
  }

  private byte[] toJson(PipelineBenchmark.Report report, double memory) throws IOException {
    ObjectMapper mapper = new ObjectMapper();
    ObjectNode root = mapper.createObjectNode();
    root.put("device", device).put("precision", precision);
    root.put("height", height).put("width", width).put("steps", steps);
    root.put("guidance", guidance)
        .put("step_cache", stepCache)
        .put("edits", edits)
        .put("sources", sources)
        .put("text_tokens", textTokens);
    root.put("gpu_memory_gb", memory);
    if (report.gpu() != null) {
      root.putObject("nvidia_smi_during_edits")
          .put("samples", report.gpu().count())
          .put("busy", report.gpu().busy())
          .put("sm_mhz", report.gpu().megahertz())
          .put("watts", report.gpu().watts());
    }
    ArrayNode list = root.putArray("figures");
    for (Figure figure : report.figures()) {
      ObjectNode node =
          list.addObject().put("name", figure.name()).put("seconds", figure.seconds());
      if (!Double.isNaN(figure.floor())) {
        node.put("floor_seconds", figure.floor());
      }
    }
    return mapper.writerWithDefaultPrettyPrinter().writeValueAsBytes(root);
  }
}
