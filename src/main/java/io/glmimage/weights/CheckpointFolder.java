package io.glmimage.weights;

import io.glmimage.error.CheckpointException;
import io.glmimage.io.LocalFileSource;
import io.glmimage.tensor.Compute;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * A GLM-Image checkpoint in the Hugging Face folder layout, on a local disk. Nothing but JSON and
 * safetensors is ever read from it.
 */
public final class CheckpointFolder {
  private final Path root;
  private final Asked random;
  private final LoadMeter meter;

  /** Receives every problem when the folder is only inspected; null when it is loaded. */
  private final Consumer<CheckpointException> problems;

  /** Receives every warning when the folder is only inspected; null when it is loaded. */
  private final Consumer<String> warnings;

  private final Map<String, Weights> inspected = new HashMap<>();

  /** Is told which random tensors are asked for. */
  @FunctionalInterface
  interface Asked {
    void tensor(String component, String name, long[] shape);
  }

  /**
   * @param random null where weights are read
   */
  private CheckpointFolder(
      Path root,
      Asked random,
      LoadMeter meter,
      Consumer<CheckpointException> problems,
      Consumer<String> warnings) {
    this.root = root;
    this.random = random;
    this.meter = meter;
    this.problems = problems;
    this.warnings = warnings;
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
    CheckpointFolder folder = new CheckpointFolder(root, null, LoadMeter.NONE, null, null);
    String pipeline = folder.config("model_index.json").text("_class_name");
    if (!pipeline.equals("GlmImagePipeline")) {
      throw new CheckpointException(
          "Cannot load model: "
              + root.resolve("model_index.json")
              + " is of a "
              + pipeline
              + ", not of a GlmImagePipeline");
    }
    return folder;
  }

  /** Names what is not a plain checkpoint, whether or not the folder was inspected before. */
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
   * A folder of configuration files whose weights are random numbers: for measuring speed, which
   * does not depend on their values. Weight files are neither needed nor read.
   *
   * @throws CheckpointException as {@link #open}
   */
  public static CheckpointFolder openWithRandomWeights(Path root) {
    return openWithRandomWeights(root, (component, name, shape) -> {});
  }

  /** As {@link #openWithRandomWeights(Path)}, telling which tensors a model asks for. */
  static CheckpointFolder openWithRandomWeights(Path root, Asked asked) {
    return new CheckpointFolder(open(root).root, asked, LoadMeter.NONE, null, null);
  }

  /**
   * A folder that is only inspected: {@link #config} and {@link #weights} report what is wrong and
   * go on, and no tensor data is read. Networks are built on {@link Compute#meta}.
   *
   * @param problems receives each problem
   * @param warnings receives a sentence on each setting that is ignored
   */
  public static CheckpointFolder openForInspection(
      Path root, Consumer<CheckpointException> problems, Consumer<String> warnings) {
    return new CheckpointFolder(root, null, LoadMeter.NONE, problems, warnings);
  }

  /**
   * The same folder, whose {@link #weights} tell how far their loading is.
   *
   * @param progress is called by the threads that take tensors
   */
  public CheckpointFolder withProgress(LoadProgress progress) {
    return progress == LoadProgress.NONE || random != null
        ? this
        : new CheckpointFolder(root, null, LoadMeter.of(root, progress), null, null);
  }

  public Path root() {
    return root;
  }

  /** A file below the root, such as {@code "processor/tokenizer.json"}; it need not exist. */
  public Path file(String relative) {
    return root.resolve(relative);
  }

  /**
   * @throws CheckpointException if it is missing or damaged
   */
  public ConfigFile config(String relative) {
    Path file = root.resolve(relative);
    return problems == null ? ConfigFile.read(file) : ConfigFile.read(file, problems, warnings);
  }

  /**
   * The weights of a component: {@code "transformer"}, {@code "vae"} (diffusers' file names),
   * {@code "text_encoder"}, {@code "vision_language_encoder"} (transformers' file names). Close
   * them when the network is no longer used.
   *
   * @throws CheckpointException if files are missing or damaged
   */
  public Weights weights(String component, Compute compute) {
    Path folder = root.resolve(component);
    if (random != null) {
      return Weights.random(
          folder, compute, (name, shape) -> random.tensor(component, name, shape));
    }
    if (!Files.isDirectory(folder)) {
      throw new CheckpointException("Cannot load model: " + folder + " is missing");
    }
    boolean diffusers = component.equals("transformer") || component.equals("vae");
    String stem = diffusers ? "diffusion_pytorch_model" : "model";
    return problems == null
        ? Weights.open(folder, stem, compute, meter)
        : inspected(component, Weights.openHeaders(folder, stem, compute, problems));
  }

  private Weights inspected(String component, Weights weights) {
    inspected.put(component, weights);
    return weights;
  }

  /**
   * What the files of a component hold, after its network was built for inspection.
   *
   * @return empty if its files could not be opened
   */
  public Optional<Weights.Stored> stored(String component) {
    return Optional.ofNullable(inspected.get(component)).map(Weights::stored);
  }

  /** Bytes that a component's network has taken, before it is closed; 0 if it was not built. */
  public long ownedBytes(String component) {
    Weights weights = inspected.get(component);
    return weights == null ? 0 : weights.ownedBytes();
  }
}
