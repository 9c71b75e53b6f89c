package io.glmimage.job;

import io.glmimage.error.Wording;
import io.glmimage.pipeline.CheckpointReport;
import io.glmimage.pipeline.CheckpointReport.Working;
import io.glmimage.pipeline.MemoryNeed;
import io.glmimage.pipeline.MemoryPlan;
import io.glmimage.pipeline.WorkingMemory;
import io.glmimage.tensor.Precision;
import io.glmimage.weights.AdapterReport;
import io.glmimage.weights.PublishedCheckpoint;
import io.glmimage.weights.PublishedCheckpoint.Comparison;
import io.glmimage.weights.PublishedCheckpoint.State;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;

/** The report of a model inspection, as text for people and as fields for JSON. */
final class ModelReportText {
  private static final String COLUMNS = "%-26s %5s %8s %14s  %-20s %10s%n";

  private static final String MEMORY_COLUMNS = "  %-26s %10s";

  private ModelReportText() {}

  static void print(CheckpointReport report, PrintWriter out) {
    out.println("Model: " + report.location());
    if (!report.parts().isEmpty()) {
      printParts(report, out);
    }
    report.adapters().forEach(adapter -> out.println(text(adapter)));
    printPublished(report.published(), out);
    report.warnings().forEach(warning -> out.println("Warning: " + warning));
    if (report.usable()) {
      out.println("No problems: the model can be loaded.");
    } else {
      int count = report.problems().size();
      out.println(count + (count == 1 ? " problem:" : " problems:"));
      report.problems().forEach(problem -> out.println("  - " + problem));
    }
  }

  private static String text(AdapterReport adapter) {
    return "LoRA adapter "
        + adapter.location()
        + ", scale "
        + adapter.scale()
        + ": "
        + adapter.layers().entrySet().stream()
            .map(part -> Wording.count(part.getValue(), "layer") + " of " + part.getKey())
            .collect(Collectors.joining(", "));
  }

  private static void printParts(CheckpointReport report, PrintWriter out) {
    out.println();
    out.printf(Locale.ROOT, COLUMNS, "part", "files", "tensors", "parameters", "stored as", "size");
    for (CheckpointReport.Part part : report.parts()) {
      out.printf(
          Locale.ROOT,
          COLUMNS,
          part.name(),
          part.stored().files(),
          part.stored().tensors(),
          millions(part.parameters()),
          part.stored().parameters().keySet().stream()
              .map(ModelReportText::dtype)
              .collect(Collectors.joining(", ")),
          bytes(part.stored().bytes()));
    }
    if (report.memory().bfloat16() > 0) {
      printMemory(report.memory(), out);
    }
    out.println();
  }

  private static void printMemory(CheckpointReport.Memory memory, PrintWriter out) {
    out.println();
    out.println("Memory for the weights, and with what edits of a size need besides (estimates):");
    out.printf(Locale.ROOT, MEMORY_COLUMNS, "", "weights");
    memory.working().forEach(w -> out.printf(Locale.ROOT, " %12s", w.size()));
    out.println();
    printMemory("GPU, bfloat16", memory.bfloat16(), memory, Working::gpu, out);
    printMemory("GPU, bfloat16, row alone", memory.bfloat16(), memory, Working::gpuAlone, out);
    printTurns("GPU, bfloat16, in turns", Precision.AUTO, memory, out);
    printMemory("GPU, --precision fp8", memory.fp8(), memory, Working::gpu, out);
    MemoryNeed integers = memory.needs().get(Precision.PRIOR_INT8);
    printMemory("GPU, prior-int8", integers.resident(), memory, Working::gpu, out);
    printTurns("GPU, prior-int8, in turns", Precision.PRIOR_INT8, memory, out);
    printMemory("CPU, float32", memory.float32(), memory, Working::cpu, out);
  }

  private static void printMemory(
      String name,
      long weights,
      CheckpointReport.Memory memory,
      Function<Working, WorkingMemory> of,
      PrintWriter out) {
    out.printf(Locale.ROOT, MEMORY_COLUMNS, name, bytes(weights));
    memory
        .working()
        .forEach(w -> out.printf(Locale.ROOT, " %12s", bytes(weights + of.apply(w).bytes())));
    out.println();
  }

  /** With prior and transformer in turns, each buffer freed before the next is needed. */
  private static void printTurns(
      String name, Precision precision, CheckpointReport.Memory memory, PrintWriter out) {
    long weights = memory.needs().get(precision).inTurns();
    out.printf(Locale.ROOT, MEMORY_COLUMNS, name, bytes(weights));
    memory
        .working()
        .forEach(w -> out.printf(Locale.ROOT, " %12s", bytes(weights + w.gpu().inPhases())));
    out.println();
  }

  /** The plan of each precision for a GPU of which so many bytes may be used. */
  static void printPlans(CheckpointReport report, long gpuMemory, PrintWriter out) {
    report
        .memory()
        .needs()
        .forEach(
            (precision, need) ->
                out.printf(
                    Locale.ROOT,
                    "With --gpu-memory %s and --precision %s: %s%n",
                    bytes(gpuMemory),
                    precision,
                    plan(need, gpuMemory)));
  }

  private static String plan(MemoryNeed need, long gpuMemory) {
    return MemoryPlan.choose(need, gpuMemory, Long.MAX_VALUE)
        .map(plan -> plan + (plan.fits() ? "" : "; edits of that size may not fit"))
        .orElseGet(
            () ->
                "the model does not fit; with prior and transformer in turns its weights need "
                    + bytes(need.inTurns()));
  }

  /** The plans by precision as JSON has them. */
  static Map<String, Object> planFields(CheckpointReport report, long gpuMemory) {
    Map<String, Object> plans = new LinkedHashMap<>();
    report
        .memory()
        .needs()
        .forEach(
            (precision, need) -> {
              Map<String, Object> fields = new LinkedHashMap<>();
              Optional<MemoryPlan> plan = MemoryPlan.choose(need, gpuMemory, Long.MAX_VALUE);
              fields.put(
                  "weights",
                  plan.map(p -> p.weights().name().toLowerCase(Locale.ROOT)).orElse(null));
              fields.put("fits", plan.isPresent() && plan.get().fits());
              fields.put("weights_bytes", plan.map(MemoryPlan::weightBytes).orElse(need.inTurns()));
              fields.put("edit_bytes", plan.map(MemoryPlan::editBytes).orElse(null));
              fields.put("host_bytes", plan.map(MemoryPlan::hostBytes).orElse(null));
              fields.put("rows", plan.map(MemoryPlan::rows).orElse(null));
              plans.put(precision.toString(), fields);
            });
    return plans;
  }

  private static void printPublished(List<Comparison> comparisons, PrintWriter out) {
    long same = comparisons.stream().filter(c -> c.state() == State.SAME).count();
    long sizes = comparisons.stream().filter(c -> c.state() == State.SAME_SIZE).count();
    long different = comparisons.stream().filter(c -> c.state() == State.DIFFERENT).count();
    long missing = comparisons.stream().filter(c -> c.state() == State.MISSING).count();
    out.printf(
        Locale.ROOT,
        "Compared with %s: %d files have the published digest, %d weight files the published size,"
            + " %d differ, %d are missing.%n",
        PublishedCheckpoint.name(),
        same,
        sizes,
        different,
        missing);
    for (Comparison comparison : comparisons) {
      boolean interesting =
          comparison.state() == State.DIFFERENT || comparison.state() == State.MISSING;
      // A checkpoint that shares no file is another model: a list of all files says nothing.
      if (interesting && same + sizes > 0) {
        out.println(
            "  "
                + (comparison.state() == State.DIFFERENT ? "differs: " : "missing: ")
                + comparison.path());
      }
    }
  }

  /** The report as JSON has it. */
  static Map<String, Object> fields(CheckpointReport report) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("model", report.location());
    fields.put("usable", report.usable());
    fields.put("problems", report.problems());
    fields.put("warnings", report.warnings());
    fields.put("parts", report.parts().stream().map(ModelReportText::fields).toList());
    Map<String, Object> memory = new LinkedHashMap<>();
    memory.put("gpu_bfloat16", report.memory().bfloat16());
    memory.put("gpu_fp8", report.memory().fp8());
    memory.put("cpu_float32", report.memory().float32());
    report
        .memory()
        .needs()
        .forEach(
            (precision, need) -> {
              String name = precision == Precision.AUTO ? "bfloat16" : precision.toString();
              memory.put("gpu_" + name.replace('-', '_') + "_in_turns", need.inTurns());
            });
    fields.put("weights_bytes", memory);
    fields.put(
        "working_bytes", report.memory().working().stream().map(ModelReportText::fields).toList());
    fields.put(
        "adapters",
        report.adapters().stream()
            .map(
                adapter -> {
                  Map<String, Object> values = new LinkedHashMap<>();
                  values.put("adapter", adapter.location());
                  values.put("scale", adapter.scale());
                  values.put("layers", adapter.layers());
                  return values;
                })
            .toList());
    Map<String, Object> published = new LinkedHashMap<>();
    published.put("reference", PublishedCheckpoint.name());
    for (Comparison comparison : report.published()) {
      published.put(comparison.path(), comparison.state().name().toLowerCase(Locale.ROOT));
    }
    fields.put("published", published);
    return fields;
  }

  private static Map<String, Object> fields(Working working) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("size", working.size().toString());
    fields.put("gpu", working.gpu().bytes());
    fields.put("gpu_row_alone", working.gpuAlone().bytes());
    fields.put("cpu_float32", working.cpu().bytes());
    return fields;
  }

  private static Map<String, Object> fields(CheckpointReport.Part part) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("name", part.name());
    fields.put("files", part.stored().files());
    fields.put("tensors", part.stored().tensors());
    fields.put("parameters", part.parameters());
    fields.put("parameters_by_dtype", part.stored().parameters());
    fields.put("bytes", part.stored().bytes());
    fields.put("unused_tensors", part.stored().unused());
    return fields;
  }

  /** libtorch's name of a dtype as people write it. */
  private static String dtype(String name) {
    return switch (name) {
      case "Float" -> "float32";
      case "Half" -> "float16";
      case "Double" -> "float64";
      default -> name.toLowerCase(Locale.ROOT);
    };
  }

  private static String millions(long parameters) {
    return parameters >= 1_000_000_000
        ? String.format(Locale.ROOT, "%.2f billion", parameters / 1e9)
        : String.format(Locale.ROOT, "%.1f million", parameters / 1e6);
  }

  private static String bytes(long bytes) {
    return bytes >= 1_000_000_000
        ? String.format(Locale.ROOT, "%.1f GB", bytes / 1e9)
        : String.format(Locale.ROOT, "%.1f MB", bytes / 1e6);
  }
}
