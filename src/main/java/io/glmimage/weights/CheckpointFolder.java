package io.glmimage.weights;

import io.glmimage.error.CheckpointException;
import io.glmimage.io.LocalFileSource;
import io.glmimage.tensor.Compute;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A GLM-Image checkpoint in the Hugging Face folder layout, on a local disk. Only JSON and
 * safetensors files are read from the folder.
 */
public final class CheckpointFolder {
  private static final Logger LOG = LoggerFactory.getLogger(CheckpointFolder.class);

  private final Path root;
  private final Asked random;
  private final LoadMeter meter;

  /** Receives every problem if the folder is only inspected; null if the folder is loaded. */
  private final Consumer<CheckpointException> problems;

  /** Receives every warning if the folder is only inspected; null if the folder is loaded. */
  private final Consumer<String> warnings;

  private final BoundAdapters adapters;

  /** The memory that components share; null if each has its own. */
  private final WeightTurns turns;

  private final Map<String, Weights> inspected = new HashMap<>();

  /** Receives each random tensor that a model requests. */
  @FunctionalInterface
  interface Asked {
    void tensor(String component, String name, long[] shape);
  }

  /**
   * @param random receives each requested tensor; null if weights are read from files
   */
  private CheckpointFolder(
      Path root,
      Asked random,
      LoadMeter meter,
      Consumer<CheckpointException> problems,
      Consumer<String> warnings,
      BoundAdapters adapters,
      WeightTurns turns) {
    this.root = root;
    this.random = random;
    this.meter = meter;
    this.problems = problems;
    this.warnings = warnings;
    this.adapters = adapters;
    this.turns = turns;
  }

  /**
   * @throws CheckpointException if the folder is missing or is not a GLM-Image checkpoint
   */
  public static CheckpointFolder open(Path root) {
    if (!Files.isDirectory(root)) {
      throw new CheckpointException(
          "Cannot load model: "
              + CheckpointForm.hubId(root.toString()).orElse(root + " is not a folder"));
    }
    checkForm(root);
    CheckpointFolder folder =
        new CheckpointFolder(root, null, LoadMeter.NONE, null, null, BoundAdapters.NONE, null);
    String pipeline = folder.config("model_index.json").text("_class_name");
    if (!pipeline.equals("GlmImagePipeline")) {
      throw new CheckpointException(
          "Cannot load model: "
              + root.resolve("model_index.json")
              + " describes a "
              + pipeline
              + ", expected a GlmImagePipeline");
    }
    return folder;
  }

  /**
   * Rejects a folder that is not a plain checkpoint, even if the folder has been inspected before.
   */
  private static void checkForm(Path root) {
    try {
      List<String> problems = CheckpointForm.problems(new LocalFileSource(root));
      if (!problems.isEmpty()) {
        throw new CheckpointException(
            "Cannot load model: " + root + ": " + String.join("; ", problems));
      }
    } catch (IOException e) {
      throw new CheckpointException("Cannot load model: cannot read " + root + ": " + e, e);
    }
  }

  /**
   * A folder of configuration files with random weights, for speed measurements. Speed does not
   * depend on the values of the weights. Weight files are neither required nor read.
   *
   * @throws CheckpointException as {@link #open}
   */
  public static CheckpointFolder openWithRandomWeights(Path root) {
    return openWithRandomWeights(root, (component, name, shape) -> {});
  }

  /** As {@link #openWithRandomWeights(Path)}, and reports each tensor that a model requests. */
  static CheckpointFolder openWithRandomWeights(Path root, Asked asked) {
    return new CheckpointFolder(
        open(root).root, asked, LoadMeter.NONE, null, null, BoundAdapters.NONE, null);
  }

  /**
   * A folder that is only inspected: {@link #config} and {@link #weights} report problems and
   * continue, and no tensor data is read. Networks are built on {@link Compute#meta}.
   *
   * @param problems receives each problem
   * @param warnings receives a sentence on each ignored setting
   */
  public static CheckpointFolder openForInspection(
      Path root, Consumer<CheckpointException> problems, Consumer<String> warnings) {
    return new CheckpointFolder(
        root, null, LoadMeter.NONE, problems, warnings, BoundAdapters.NONE, null);
  }

  /**
   * The same folder, whose {@link #weights} report load progress.
   *
   * @param progress called by the threads that load tensors
   */
  public CheckpointFolder withProgress(LoadProgress progress) {
    return progress == LoadProgress.NONE || random != null
        ? this
        : new CheckpointFolder(
            root, null, LoadMeter.of(root, progress), null, null, adapters, turns);
  }

  /** Reports that all networks are loaded. */
  public void loaded() {
    meter.end();
  }

  /**
   * The same folder, whose {@link #weights} are changed by LoRA adapters. Only headers and
   * configurations are read here. If the folder is only inspected, a problem is reported.
   *
   * @param more in the order in which they are merged
   * @throws CheckpointException if an adapter cannot be read or does not fit the checkpoint; the
   *     message names the first tensor that differs
   */
  public CheckpointFolder withAdapters(List<Adapter> more) {
    if (more.isEmpty()) {
      return this;
    }
    Map<String, Map<String, long[]>> shapes = new LinkedHashMap<>();
    for (String component :
        List.of("transformer", "vision_language_encoder", "text_encoder", "vae")) {
      shapes.put(component, Weights.shapes(root.resolve(component), stem(component)));
    }
    return new CheckpointFolder(
        root,
        random,
        meter,
        problems,
        warnings,
        BoundAdapters.bind(more, shapes, this::report),
        turns);
  }

  /**
   * The same folder for networks on {@link Compute#meta}, whose sizes are of interest. Problems are
   * not reported.
   */
  public CheckpointFolder withoutData() {
    return random == null
        ? openForInspection(root, problem -> {}, warning -> {})
        : new CheckpointFolder(
            root, (c, name, shape) -> {}, LoadMeter.NONE, null, null, BoundAdapters.NONE, null);
  }

  /** The same folder, whose large components share device memory. */
  public CheckpointFolder withTurns(WeightTurns shared) {
    return new CheckpointFolder(root, random, meter, problems, warnings, adapters, shared);
  }

  /** The adapters that fit the checkpoint. */
  public List<AdapterReport> adapters() {
    return adapters.reports();
  }

  public Path root() {
    return root;
  }

  /** A file below the root, such as {@code "processor/tokenizer.json"}; the file need not exist. */
  public Path file(String relative) {
    return root.resolve(relative);
  }

  /**
   * @throws CheckpointException if the file is missing or damaged
   */
  public ConfigFile config(String relative) {
    Path file = root.resolve(relative);
    return problems == null ? ConfigFile.read(file) : ConfigFile.read(file, problems, warnings);
  }

  /** Logs a warning, or passes it on if the folder is only inspected. */
  public void warn(String warning) {
    if (warnings == null) {
      LOG.warn(warning);
    } else {
      warnings.accept(warning);
    }
  }

  /**
   * Passes a problem on if the folder is only inspected.
   *
   * @throws CheckpointException the problem, if the folder is loaded
   */
  public void report(CheckpointException problem) {
    if (problems == null) {
      throw problem;
    }
    problems.accept(problem);
  }

  /**
   * The weights of a component. {@code "transformer"} and {@code "vae"} have diffusers' file names;
   * {@code "text_encoder"} and {@code "vision_language_encoder"} have transformers' file names.
   * Close the weights when the network is no longer used.
   *
   * @throws CheckpointException if files are missing or damaged
   */
  public Weights weights(String component, Compute compute) {
    Path folder = root.resolve(component);
    WeightTurns shared = WeightTurns.COMPONENTS.contains(component) ? turns : null;
    if (random != null) {
      Weights weights =
          Weights.random(folder, compute, (name, shape) -> random.tensor(component, name, shape))
              .inTurns(shared);
      return compute.hasData() ? weights : inspected(component, weights);
    }
    if (!Files.isDirectory(folder)) {
      throw new CheckpointException("Cannot load model: " + folder + " is missing");
    }
    String stem = stem(component);
    return problems == null
        ? Weights.open(folder, stem, compute, meter, adapters).inTurns(shared)
        : inspected(component, Weights.openHeaders(folder, stem, compute, problems));
  }

  /** The name of a component's weight files without endings. */
  private static String stem(String component) {
    boolean diffusers = component.equals("transformer") || component.equals("vae");
    return diffusers ? "diffusion_pytorch_model" : "model";
  }

  private Weights inspected(String component, Weights weights) {
    inspected.put(component, weights);
    return weights;
  }

  /**
   * The content of a component's files, after the component's network was built for inspection.
   *
   * @return empty if the files could not be opened
   */
  public Optional<Weights.Stored> stored(String component) {
    return Optional.ofNullable(inspected.get(component)).map(Weights::stored);
  }

  /**
   * Bytes of the tensors that a component's network owns; 0 if the network was not built or is
   * closed.
   */
  public long ownedBytes(String component) {
    Weights weights = inspected.get(component);
    return weights == null ? 0 : weights.ownedBytes();
  }
}
