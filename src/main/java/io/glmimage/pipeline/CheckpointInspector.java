package io.glmimage.pipeline;

import io.glmimage.error.CheckpointException;
import io.glmimage.error.DeviceException;
import io.glmimage.image.PixelSize;
import io.glmimage.io.FileSource;
import io.glmimage.io.LocalFolders;
import io.glmimage.kernel.AtenKernels;
import io.glmimage.model.prior.PriorOptions;
import io.glmimage.model.processor.GlmProcessor;
import io.glmimage.model.processor.ImageProcessor;
import io.glmimage.model.processor.OutputSize;
import io.glmimage.model.processor.PromptTokenizer;
import io.glmimage.model.scheduler.FlowMatchEulerScheduler;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Precision;
import io.glmimage.weights.Adapter;
import io.glmimage.weights.AdapterFiles;
import io.glmimage.weights.AdapterReport;
import io.glmimage.weights.AdapterSource;
import io.glmimage.weights.CheckpointFolder;
import io.glmimage.weights.CheckpointForm;
import io.glmimage.weights.CheckpointSkeleton;
import io.glmimage.weights.ConfigFile;
import io.glmimage.weights.PublishedCheckpoint;
import io.glmimage.weights.Weights;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Checks a checkpoint without reading its tensors. Every network is built by its own loader on
 * libtorch's device {@code meta}, where tensors have shapes and no values. So the check and the
 * load are the same code. All problems are found in one pass, in seconds and without a GPU.
 */
public final class CheckpointInspector {
  /** In published files, and not used by the reference either. */
  private static final Set<String> KNOWN_UNUSED =
      Set.of(
          "model.vqmodel.post_quant_conv.weight",
          "model.vqmodel.post_quant_conv.bias",
          "encoder.embed_tokens.weight");

  private final Path root;
  private final Set<String> problems = new LinkedHashSet<>();
  private final Set<String> warnings = new LinkedHashSet<>();
  private final List<CheckpointReport.Part> parts = new ArrayList<>();
  private final List<AdapterReport> adapters = new ArrayList<>();
  private final List<CheckpointReport.Working> working = new ArrayList<>();

  /** Null until the image processor is loaded. */
  private OutputSize sizes;

  private CheckpointInspector(Path root) {
    this.root = root;
  }

  /**
   * Inspects a folder on any file system.
   *
   * @param source reads it; of weight files only the headers are read
   * @param adapters LoRA adapters to be merged into it; of them, too, only headers are read
   * @param scratch an empty local folder for a copy of the small files and the headers
   * @throws IOException if the folder cannot be read
   * @throws DeviceException if libtorch cannot be loaded on this machine
   */
  public static CheckpointReport inspect(
      FileSource source, List<AdapterSource> adapters, Path scratch) throws IOException {
    List<String> form = CheckpointForm.problems(source);
    Path model = Files.createDirectory(scratch.toRealPath().resolve("model"));
    CheckpointInspector inspector = new CheckpointInspector(model);
    inspector.problems.addAll(form);
    CheckpointReport.Memory memory = CheckpointReport.Memory.UNKNOWN;
    if (form.isEmpty()) {
      CheckpointSkeleton.copy(source, inspector.root);
      memory = inspector.memory();
      inspector.inspect(adapters, scratch.toRealPath());
    }
    return new CheckpointReport(
        source.name(),
        inspector.parts,
        memory,
        inspector.sizes,
        PublishedCheckpoint.compare(source),
        inspector.adapters,
        List.copyOf(inspector.problems),
        List.copyOf(inspector.warnings));
  }

  private void inspect(List<AdapterSource> sources, Path scratch) throws IOException {
    List<Adapter> copies = new ArrayList<>();
    for (AdapterSource adapter : sources) {
      try {
        AdapterFiles.check(adapter.source());
        Path copy = Files.createDirectory(scratch.resolve("adapter-" + copies.size()));
        CheckpointSkeleton.copyAdapter(adapter.source(), copy);
        copies.add(new Adapter(copy, adapter.source().name(), adapter.scale()));
      } catch (CheckpointException e) {
        report(e);
      }
    }
    check(
        () ->
            adapters.addAll(
                CheckpointFolder.openForInspection(root, this::report, warning -> {})
                    .withAdapters(copies)
                    .adapters()));
  }

  private CheckpointReport.Memory memory() {
    Compute bfloat16 = Compute.meta(ScalarType.BFloat16);
    long inBfloat16 = load(bfloat16, true);
    if (!problems.isEmpty()) {
      return CheckpointReport.Memory.UNKNOWN;
    }
    SortedMap<Precision, MemoryNeed> needs = new TreeMap<>();
    CheckpointFolder folder = CheckpointFolder.openForInspection(root, p -> {}, w -> {});
    PriorOptions sampling = new PriorOptions(PriorOptions.GPU_SLOTS, null);
    for (Precision precision : Precision.values()) {
      needs.put(precision, MemoryNeed.of(folder, bfloat16.withPrecision(precision), sampling));
    }
    return new CheckpointReport.Memory(
        inBfloat16,
        needs.get(Precision.FP8).resident(),
        load(Compute.meta(ScalarType.Float), false),
        List.copyOf(working),
        needs);
  }

  /**
   * Builds all networks.
   *
   * @param record whether parts and warnings are noted
   * @return bytes that the weights take
   */
  private long load(Compute compute, boolean record) {
    CheckpointFolder folder =
        CheckpointFolder.openForInspection(root, this::report, record ? this::warn : warning -> {});
    check(() -> CheckpointFolder.open(root));
    check(() -> FlowMatchEulerScheduler.load(folder));
    if (record) {
      // Each part of the processor separately: a failure must not hide the problems of the others.
      check(() -> sizes = ImageProcessor.load(folder).outputSize());
      check(() -> PromptTokenizer.load(folder).close());
      check(() -> GlmProcessor.load(folder).close());
    }
    long bytes = 0;
    for (Network network : Network.all(compute)) {
      bytes += part(folder, network, record);
    }
    if (record && problems.isEmpty()) {
      checkFit(compute);
    }
    return bytes;
  }

  /** The components must fit each other. What they need for an edit is noted. */
  private void checkFit(Compute compute) {
    CheckpointFolder folder = CheckpointFolder.openForInspection(root, this::report, warning -> {});
    PriorOptions sampling = PriorOptions.defaults(compute);
    check(
        () -> {
          try (Components parts =
              new PipelineLoader(folder, compute, sampling, new AtenKernels()).load()) {
            for (PixelSize size :
                List.of(WorkingMemory.SMALL, WorkingMemory.MEDIUM, WorkingMemory.LARGE)) {
              working.add(
                  new CheckpointReport.Working(
                      size,
                      WorkingMemory.of(parts, size, PriorOptions.GPU_ROWS, ScalarType.BFloat16),
                      WorkingMemory.of(parts, size, 1, ScalarType.BFloat16),
                      WorkingMemory.of(parts, size, PriorOptions.CPU_SLOTS, ScalarType.Float)));
            }
          }
        });
  }

  private long part(CheckpointFolder folder, Network part, boolean record) {
    String name = part.name();
    long[] bytes = new long[1];
    Set<String> problemsBefore = new LinkedHashSet<>(problems);
    Set<String> warningsBefore = new LinkedHashSet<>(warnings);
    check(
        () -> {
          try (AutoCloseable network = part.load().apply(folder)) {
            bytes[0] = folder.ownedBytes(name);
          }
        });
    blameDefaults(problemsBefore, warningsBefore);
    Optional<Weights.Stored> stored = folder.stored(name);
    if (record && stored.isPresent()) {
      parts.add(new CheckpointReport.Part(name, stored.get()));
      List<String> unused =
          stored.get().unused().stream().filter(tensor -> !KNOWN_UNUSED.contains(tensor)).toList();
      if (!unused.isEmpty()) {
        warnings.add(
            name
                + " has "
                + unused.size()
                + (unused.size() == 1 ? " tensor" : " tensors")
                + " that the model does not use: "
                + String.join(", ", unused.subList(0, Math.min(5, unused.size())))
                + (unused.size() > 5 ? ", ..." : ""));
      }
    }
    return bytes[0];
  }

  /** If a part has problems and sizes that were left out, these are named first, as the cause. */
  private void blameDefaults(Set<String> problemsBefore, Set<String> warningsBefore) {
    List<String> defaults =
        warnings.stream()
            .filter(w -> !warningsBefore.contains(w) && ConfigFile.tellsOfDefault(w))
            .toList();
    List<String> effects = problems.stream().filter(p -> !problemsBefore.contains(p)).toList();
    if (!defaults.isEmpty() && !effects.isEmpty()) {
      defaults.forEach(warnings::remove);
      effects.forEach(problems::remove);
      defaults.forEach(d -> problems.add(d + ", which does not fit"));
      problems.addAll(effects);
    }
  }

  private interface Check {
    void run() throws Exception;
  }

  private void check(Check check) {
    int before = problems.size();
    try {
      check.run();
    } catch (CheckpointException e) {
      report(e);
    } catch (DeviceException e) {
      // libtorch cannot be loaded on this machine.
      throw e;
    } catch (Exception e) {
      // Placeholders for values that were reported may not fit each other.
      if (problems.size() == before) {
        throw new IllegalStateException("Cannot inspect " + root + ": " + e, e);
      }
    }
  }

  private void report(CheckpointException e) {
    problems.add(relative(e.getMessage().replace("Cannot load model: ", "")));
  }

  private void warn(String warning) {
    warnings.add(relative(warning));
  }

  private String relative(String text) {
    return text.replace(root + ": ", "")
        .replace(root + "/", "")
        .replace(root.toString(), "the folder");
  }

  /** Inspects a folder, with a temporary folder for the copy. */
  public static CheckpointReport inspect(FileSource source) throws IOException {
    return inspect(source, List.of());
  }

  /** As {@link #inspect(FileSource)}, with LoRA adapters to be merged. */
  public static CheckpointReport inspect(FileSource source, List<AdapterSource> adapters)
      throws IOException {
    Path scratch = Files.createTempDirectory("glm-image-inspect-");
    try {
      return inspect(source, adapters, scratch);
    } finally {
      LocalFolders.delete(scratch);
    }
  }
}
