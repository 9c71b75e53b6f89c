package io.glmimage.job;

import io.glmimage.error.CheckpointException;
import io.glmimage.error.Redaction;
import io.glmimage.error.UsageException;
import io.glmimage.error.Wording;
import io.glmimage.io.HadoopSettings;
import io.glmimage.io.Storage;
import io.glmimage.json.Json;
import io.glmimage.manifest.EditDefaults;
import io.glmimage.manifest.ManifestOptions;
import io.glmimage.model.processor.OutputSize;
import io.glmimage.pipeline.CheckpointReport;
import io.glmimage.plan.CostModel;
import io.glmimage.plan.GpuCost;
import io.glmimage.plan.SizeClass;
import io.glmimage.spark.engine.EngineOptions;
import io.glmimage.spark.manifest.Findings;
import io.glmimage.spark.manifest.IdentifiedRows;
import io.glmimage.spark.manifest.ManifestCheck;
import io.glmimage.spark.manifest.ManifestTable;
import io.glmimage.spark.manifest.SizeFigures;
import io.glmimage.weights.AdapterSpec;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Checks a manifest before it costs GPU time. */
@Command(
    name = "validate",
    description = {
      "Checks a manifest without a GPU: columns, ids and values of all rows. For a sample of"
          + " rows (or all), it checks that the source images exist and have a size that the model"
          + " accepts. Estimates GPU-hours.",
      "",
      "Only image headers are read: damage in the pixel data is not found.",
      ""
    },
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:No bad row was found.",
      "1:The manifest cannot be used (missing, wrong columns, repeated ids), the model cannot be"
          + " loaded, or an option is wrong.",
      "2:Some rows are bad; the others can be edited. --failed-rows-exit-code gives another code.",
      "3:The check failed."
    })
final class ValidateCommand implements Callable<Integer> {
  private static final int DEFAULT_SAMPLE = 1000;
  private static final int MAX_SAMPLE = 1_000_000;

  @Mixin private ManifestFlags manifest = new ManifestFlags();

  @Mixin private DefaultsFlags defaults = new DefaultsFlags();

  @Mixin private SourceFlags sources = new SourceFlags();

  @Option(
      names = "--model",
      paramLabel = "DIR",
      description =
          "Folder of the checkpoint that will edit the rows, to inspect as inspect-model does."
              + " Default: none; the embedded demonstration model is not inspected.")
  private String model;

  @Option(
      names = "--gpu-memory",
      paramLabel = "GB",
      defaultValue = "",
      description =
          "With --model: also print where its weights would be on a GPU with that memory in GB"
              + " (10^9 bytes), for each precision. Default: no plan.")
  private String gpuMemory;

  @Option(names = "--lora", paramLabel = AdapterSpec.SYNTAX, description = EngineFlags.LORA)
  private List<String> lora = new ArrayList<>();

  @Option(
      names = "--sample",
      paramLabel = "ROWS",
      description =
          "Number of rows, chosen by id, whose source images are checked (0 to "
              + MAX_SAMPLE
              + "). Default: "
              + DEFAULT_SAMPLE
              + ".")
  private Integer sample;

  @Option(
      names = "--full",
      description = "Check the source images of all rows. Default: off; those of a sample.")
  private boolean full;

  @Option(
      names = "--seconds-per-image",
      paramLabel = "S",
      description =
          "For the estimate: GPU seconds per row, whatever its size. Default: none; no estimate.")
  private Double secondsPerImage;

  @Option(
      names = "--seconds-per-megapixel-step",
      paramLabel = "S",
      description =
          "For the estimate: GPU seconds per megapixel, step and pass (two passes with guidance"
              + " above 1). Default: none.")
  private Double secondsPerMegapixelStep;

  @Option(
      names = "--seconds-per-row",
      paramLabel = "S",
      defaultValue = "0",
      description =
          "For the estimate with --seconds-per-megapixel-step: GPU seconds added per row (prior"
              + " tokens, decoding). Default: ${DEFAULT-VALUE}.")
  private double secondsPerRow;

  @Option(
      names = "--gpu",
      paramLabel = "CARD",
      defaultValue = GpuCost.DEFAULT,
      description =
          "For the estimate without --seconds-...: card and precision whose measured time is"
              + " scaled: h100.bf16 or h100.fp8. Default: ${DEFAULT-VALUE}.")
  private String gpu;

  @Option(
      names = "--gpu-hour-price",
      paramLabel = "P",
      description = "Price of a GPU for an hour, for the estimate of the cost. Default: none.")
  private Double gpuHourPrice;

  @Option(
      names = "--gpus",
      paramLabel = "N",
      description = "Number of GPUs, for the estimate of the time. Default: ${DEFAULT-VALUE}.")
  private int gpus = 1;

  @Option(names = "--json", description = "Print JSON. Default: off; text.")
  private boolean json;

  @Mixin private ExitCodeFlags exitCodes = new ExitCodeFlags();

  @Mixin private SessionFlags session = new SessionFlags();

  private final Console console;

  ValidateCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() throws Exception {
    ManifestOptions options = manifest.options();
    EditDefaults rowDefaults = defaults.options(null);
    checkOptions();
    sources.rules();
    int badRowsExitCode = exitCodes.failedRows();
    try (Session spark = session.open(console, "validate " + Session.shortName(options.path()))) {
      spark.describe("Check the rows of " + Session.shortName(options.path()));
      IdentifiedRows rows =
          ManifestTable.open(spark.spark(), spark.storage(), options, rowDefaults).identify();
      HadoopSettings hadoop = spark.hadoop();
      CheckpointReport inspected = inspect(spark.storage());
      ManifestCheck check =
          new ManifestCheck(
              rows,
              hadoop,
              sources.folders(spark.storage()),
              sizing(inspected, spark.storage()),
              cost());
      Findings all = full ? check.sources() : check.rows();
      int wanted = sample == null ? DEFAULT_SAMPLE : sample;
      boolean sampling = !full && wanted > 0;
      Findings sampled = full ? all : sampling ? check.sources(wanted) : null;
      Findings found = sampling ? all.withBad(sampled) : all;
      Map<String, Object> report = report(options, rows, found, all, sampled);
      report.put("model", modelFields(inspected));
      print(report, inspected, hadoop.redaction());
      if (inspected != null && !inspected.usable()) {
        return ExitCode.USAGE;
      }
      return found.bad() > 0 ? badRowsExitCode : ExitCode.DONE;
    }
  }

  /** The sizes that the model reads. If none is given, any model is assumed. */
  private OutputSize sizing(CheckpointReport inspected, Storage storage) throws IOException {
    if (model == null) {
      return OutputSize.ofAnyCheckpoint();
    }
    CheckpointReport report =
        inspected == null ? ModelInspection.of(model, List.of(), storage) : inspected;
    return report.sizes() == null ? OutputSize.ofPublishedCheckpoint() : report.sizes();
  }

  /** Null without a model of the user's. */
  private CheckpointReport inspect(Storage storage) throws IOException {
    List<AdapterSpec> adapters = AdapterSpec.parseAll("--lora", lora);
    if (isDemonstration() && adapters.isEmpty()) {
      return null;
    }
    try {
      return ModelInspection.of(model == null ? EngineOptions.DEMO : model, adapters, storage);
    } catch (CheckpointException e) {
      throw new UsageException(e.getMessage(), e);
    }
  }

  private boolean isDemonstration() {
    return model == null || model.equals(EngineOptions.DEMO);
  }

  private Map<String, Object> modelFields(CheckpointReport inspected) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("demonstration_model", isDemonstration());
    if (inspected == null) {
      fields.put("model", EngineOptions.EMBEDDED_MODEL);
    } else {
      fields.putAll(ModelReportText.fields(inspected));
      if (budget() > 0) {
        fields.put("memory_plans", ModelReportText.planFields(inspected, budget()));
      }
    }
    return fields;
  }

  private long budget() {
    return EngineOptions.gpuMemory("--gpu-memory", gpuMemory);
  }

  private void checkOptions() {
    if (budget() > 0 && model == null) {
      throw new UsageException("Invalid --gpu-memory: it plans for a model; give --model as well");
    }
    if (full && sample != null) {
      throw new UsageException(
          "Invalid --sample: --full checks all rows; give only one of the two");
    }
    if (sample != null && (sample < 0 || sample > MAX_SAMPLE)) {
      throw new UsageException(
          "Invalid --sample: " + sample + ", expected 0 to " + MAX_SAMPLE + " (or --full)");
    }
    if (secondsPerImage != null && secondsPerMegapixelStep != null) {
      throw new UsageException(
          "Invalid --seconds-per-image: the estimate uses either this or"
              + " --seconds-per-megapixel-step; give only one of the two");
    }
    if (gpus < 1) {
      throw new UsageException("Invalid --gpus: " + gpus + ", expected 1 or more");
    }
    if (gpuHourPrice != null && !(gpuHourPrice >= 0 && gpuHourPrice < 1e9)) {
      throw new UsageException(
          "Invalid --gpu-hour-price: " + gpuHourPrice + ", expected 0 or more");
    }
    GpuCost.of(gpu);
    for (Double seconds : new Double[] {secondsPerImage, secondsPerMegapixelStep, secondsPerRow}) {
      if (seconds != null && !(seconds >= 0 && seconds < 1e9)) {
        throw new UsageException("Invalid seconds: " + seconds + ", expected 0 or more");
      }
    }
  }

  /** The values of the report, in the order in which they are printed. */
  private Map<String, Object> report(
      ManifestOptions options,
      IdentifiedRows rows,
      Findings found,
      Findings all,
      Findings sampled) {
    Map<String, Object> report = new LinkedHashMap<>();
    report.put("manifest", options.path());
    report.put("rows", rows.size());
    report.put("bad_rows", found.bad());
    report.put("bad_by_class", found.badByClass());
    report.put("examples", found.examples());
    report.put("text_to_image_rows", rows.textToImage());
    report.put("notes", rows.notes());
    report.put("rows_with_sources_checked", sampled == null ? 0 : sampled.rows());
    Map<String, Long> checked = sampled == null ? Map.of() : sampled.sources().byLabel();
    report.put("sources", checked);
    report.put("source_notes", SourceNotes.of(checked, sources.rules()));
    Findings known = known(all, sampled);
    report.put(
        "megapixel_steps_per_row",
        known.sized() == 0 ? null : (Double) (known.megapixelSteps() / known.sized()));
    estimate(report, known, rows.size() - found.bad());
    return report;
  }

  /** Adds the estimate; its values are null if no row has a known size. */
  private void estimate(Map<String, Object> report, Findings known, long good) {
    SizeFigures sizes = known.sizes();
    Double hours = null;
    if (secondsPerImage != null) {
      hours = good * secondsPerImage / 3600;
    } else if (known.sized() > 0) {
      hours = good * sizes.seconds() / known.sized() / 3600;
    }
    report.put("gpu_hours", hours);
    report.put("gpus", gpus);
    report.put("hours", hours == null ? null : (Double) (hours / gpus));
    report.put("cost", hours == null ? null : costOf(hours));
    report.put("estimate", hours == null ? null : basis(sizes.allMeasured()));
    List<Map<String, Object>> classes = new ArrayList<>();
    for (SizeClass size : SizeClass.values()) {
      if (sizes.rows(size) > 0) {
        // A sample stands for all rows.
        double share = (double) good / known.sized();
        double hoursOfClass = share * sizes.seconds(size) / 3600;
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("size", size.label());
        fields.put("rows", Math.round(share * sizes.rows(size)));
        fields.put("gpu_hours", hoursOfClass);
        fields.put("hours", hoursOfClass / gpus);
        fields.put("cost", costOf(hoursOfClass));
        fields.put("measured", sizes.allMeasured(size));
        classes.add(fields);
      }
    }
    report.put("size_classes", classes);
  }

  private Double costOf(double hours) {
    return gpuHourPrice == null ? null : (Double) (hours * gpuHourPrice);
  }

  private CostModel cost() {
    if (secondsPerImage != null) {
      double seconds = secondsPerImage;
      return work -> seconds;
    }
    if (secondsPerMegapixelStep != null) {
      double seconds = secondsPerMegapixelStep;
      double row = secondsPerRow;
      return work -> work.megapixelSteps() * seconds + row;
    }
    return GpuCost.of(gpu);
  }

  /** What the estimate is made of. */
  private String basis(boolean measured) {
    if (secondsPerImage != null || secondsPerMegapixelStep != null) {
      return "from the given seconds";
    }
    String name = GpuCost.of(gpu).name();
    return measured
        ? "as measured on " + name
        : "scaled by a formula from what was measured on " + name + " at 1024 x 1024 pixels";
  }

  /** The rows of known size: all rows if all are known, otherwise the sample. */
  private static Findings known(Findings all, Findings sampled) {
    boolean allKnown = all.sized() == all.rows() - all.bad();
    return allKnown || sampled == null ? all : sampled;
  }

  private void print(Map<String, Object> report, CheckpointReport inspected, Redaction redaction)
      throws IOException {
    PrintWriter out = console.out();
    if (json) {
      out.println(redaction.apply(Json.INDENTED.writeValueAsString(report)));
      return;
    }
    StringBuilder text = new StringBuilder();
    text.append(Wording.count((Long) report.get("rows"), "row")).append(", ");
    text.append(report.get("bad_rows")).append(" bad\n");
    list(text, report.get("bad_by_class"), report.get("examples"));
    text.append("sources of ")
        .append(
            Wording.count(((Number) report.get("rows_with_sources_checked")).longValue(), "row"))
        .append(" checked\n");
    for (String notes : new String[] {"source_notes", "notes"}) {
      for (Object note : (Iterable<?>) report.get(notes)) {
        text.append(note).append('\n');
      }
    }
    Double perRow = (Double) report.get("megapixel_steps_per_row");
    if (perRow != null) {
      text.append(
          String.format(Locale.ROOT, "%.2f megapixel steps per row (with passes)%n", perRow));
    }
    Double hours = (Double) report.get("gpu_hours");
    text.append(
        hours == null
            ? "no estimate of GPU-hours: no row has a known size (give --sample or"
                + " --seconds-per-image)"
            : estimate(report, hours));
    out.println(redaction.apply(text.toString()));
    if (inspected == null) {
      out.println(
          (model == null ? "Model: none is given; edit then uses " : "Model: ")
              + EngineOptions.DEMO_NOTE);
    } else {
      StringWriter lines = new StringWriter();
      PrintWriter writer = new PrintWriter(lines, true);
      ModelReportText.print(inspected, writer);
      if (budget() > 0) {
        ModelReportText.printPlans(inspected, budget(), writer);
      }
      out.print(redaction.apply(lines.toString()));
    }
  }

  private static String estimate(Map<String, Object> report, double hours) {
    int number = (Integer) report.get("gpus");
    StringBuilder text = new StringBuilder();
    text.append(String.format(Locale.ROOT, "about %.2f GPU-hours", hours));
    if (number > 1) {
      text.append(
          String.format(
              Locale.ROOT, ", %.2f hours on %d GPUs", (Double) report.get("hours"), number));
    }
    Double cost = (Double) report.get("cost");
    if (cost != null) {
      text.append(String.format(Locale.ROOT, ", costing %.2f", cost));
    }
    text.append(" (").append(report.get("estimate")).append(')');
    List<?> classes = (List<?>) report.get("size_classes");
    if (classes.size() > 1) {
      text.append(
          String.format(
              Locale.ROOT,
              "%n%-20s %12s %12s %12s%s",
              "size",
              "rows",
              "GPU-hours",
              "hours",
              cost == null ? "" : String.format(Locale.ROOT, " %12s", "cost")));
    }
    for (Object one : classes.size() > 1 ? classes : List.of()) {
      Map<?, ?> fields = (Map<?, ?>) one;
      text.append(
          String.format(
              Locale.ROOT,
              "%n%-20s %12d %12.2f %12.2f%s%s",
              fields.get("size"),
              (Long) fields.get("rows"),
              (Double) fields.get("gpu_hours"),
              (Double) fields.get("hours"),
              cost == null
                  ? ""
                  : String.format(Locale.ROOT, " %12.2f", (Double) fields.get("cost")),
              (Boolean) fields.get("measured") ? " measured" : " estimated"));
    }
    return text.toString();
  }

  private static void list(StringBuilder text, Object counts, Object examples) {
    ((Map<?, ?>) counts)
        .forEach(
            (name, count) -> {
              text.append("  ").append(name).append(": ").append(count).append('\n');
              List<?> shown = (List<?>) ((Map<?, ?>) examples).get(name);
              for (Object message : shown) {
                text.append("    ").append(Wording.oneLine((String) message)).append('\n');
              }
              if (shown.size() < (Long) count) {
                text.append("    and ").append((Long) count - shown.size()).append(" more\n");
              }
            });
  }
}
