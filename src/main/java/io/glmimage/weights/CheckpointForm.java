package io.glmimage.weights;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import io.glmimage.io.FileSource;
import io.glmimage.json.Json;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/**
 * Recognises model folders in a form that this program does not load: quantized weights, GGUF,
 * single files, pickles, Git LFS pointers, adapters. Each message names the form and a remedy.
 */
public final class CheckpointForm {
  /** The Hugging Face name of the published checkpoint. */
  public static final String PUBLISHED = "zai-org/GLM-Image";

  /** An owner and a name, without a scheme and without a leading dot or slash. */
  private static final Pattern HUB_ID = Pattern.compile("[A-Za-z0-9][\\w-]*/[A-Za-z0-9][\\w.-]*");

  private static final String QUANTIZATION = "quantization_config.json";

  private static final String NOT_QUANTIZED =
      "; quantized checkpoints are not supported: use the published weights ("
          + PUBLISHED
          + "), and --precision fp8 to save memory";

  /** The adapter files of PEFT and of diffusers. */
  private static final List<String> ADAPTERS =
      List.of("adapter_config.json", "pytorch_lora_weights.safetensors");

  private static final String MERGE =
      ": merge it first, or move it to a separate folder and give that with --lora";

  /** In the cache's folder of a model, this file has the name of the newest snapshot. */
  private static final String CACHE_REFERENCE = "refs/main";

  private static final String SNAPSHOTS = "snapshots";

  /** A revision is the hexadecimal name of a commit. */
  private static final int LONGEST_REVISION = 256;

  private static final Set<String> PICKLES = Set.of(".bin", ".pt", ".pth", ".ckpt", ".pkl");

  private static final String LFS = "version https://git-lfs.github.com/spec/";

  /** A pointer file has about 130 bytes. */
  private static final int MAX_LFS_POINTER = 1024;

  private static final int MAX_CONFIG_BYTES = 16 << 20;

  private final FileSource source;
  private final List<FileSource.Entry> files;
  private final List<String> problems = new ArrayList<>();

  private CheckpointForm(FileSource source) throws IOException {
    this.source = source;
    this.files = source.list();
  }

  /**
   * A hint if the location of a missing folder looks like a Hugging Face model name; otherwise
   * empty.
   *
   * @param location as written by the user
   */
  public static Optional<String> hubId(String location) {
    return hubId(location, "--model");
  }

  /** As {@link #hubId(String)}, for the folder of a LoRA adapter. */
  public static Optional<String> adapterHubId(String location) {
    return hubId(location, "--lora");
  }

  private static Optional<String> hubId(String location, String option) {
    return HUB_ID.matcher(location).matches()
        ? Optional.of(
            "there is no folder "
                + location
                + "; if this is the name of a model on the Hugging Face hub, run \"hf download "
                + location
                + " --local-dir FOLDER\" and give "
                + option
                + " FOLDER")
        : Optional.empty();
  }

  /**
   * The problems with the form of a model folder. Paths are relative to the folder.
   *
   * @return one sentence for each problem; empty for a plain checkpoint
   * @throws IOException if the folder cannot be read
   */
  public static List<String> problems(FileSource source) throws IOException {
    CheckpointForm form = new CheckpointForm(source);
    form.check();
    return form.problems;
  }

  /**
   * What a folder without {@code model_index.json} seems to be, and what to do.
   *
   * @return completes a sentence that says that the file is missing
   */
  public static String withoutPipeline(FileSource source) throws IOException {
    return new CheckpointForm(source).guess();
  }

  private void check() throws IOException {
    boolean pipeline = has("model_index.json");
    if (!pipeline) {
      problems.add("the folder has no model_index.json" + guess());
    }
    problems.addAll(
        unreadable(
            source,
            files,
            path -> CheckpointFiles.belongs(path) || CheckpointFiles.isComponent(path)));
    if (pipeline) {
      for (String adapter : ADAPTERS) {
        if (has(adapter)) {
          problems.add("the folder holds an adapter that is not merged (" + adapter + ")" + MERGE);
        }
      }
      if (has(QUANTIZATION)) {
        problems.add("the folder has a " + QUANTIZATION + NOT_QUANTIZED);
      }
      for (String folder : weightFolders()) {
        checkFolder(folder);
      }
    }
  }

  /** A description of the content of a folder that has no pipeline. */
  private String guess() throws IOException {
    Optional<String> cache = cache();
    if (cache.isPresent()) {
      return cache.get();
    }
    if (files.isEmpty()) {
      return source.folders("").isEmpty() ? ": it is empty" : ": it holds only folders";
    }
    for (String adapter : ADAPTERS) {
      if (has(adapter)) {
        return "; "
            + adapter
            + " shows a LoRA adapter: give the base model's folder with --model and this one with"
            + " --lora";
      }
    }
    if (any(".gguf")) {
      return "; GGUF files are not supported: use the published safetensors weights ("
          + PUBLISHED
          + ")";
    }
    if (has("config.json")) {
      return "; config.json shows a single component: give the folder above, which holds all of"
          + " them";
    }
    if (files.stream().anyMatch(f -> f.path().indexOf('/') < 0 && isWeights(f.path()))) {
      return "; single-file checkpoints are not supported: use the folder layout of " + PUBLISHED;
    }
    return "; the folder must have the Hugging Face layout of " + PUBLISHED;
  }

  /** A folder of the Hugging Face cache has only folders: the model itself is a snapshot in one. */
  private Optional<String> cache() throws IOException {
    List<String> folders = source.folders("");
    Optional<String> model =
        folders.stream().filter(name -> name.startsWith("models--")).findFirst();
    if (model.isPresent()) {
      return Optional.of(
          "; it is the Hugging Face cache: give the folder "
              + model.get()
              + "/"
              + SNAPSHOTS
              + "/REVISION in it");
    }
    if (!has(CACHE_REFERENCE) && !folders.contains(SNAPSHOTS)) {
      return Optional.empty();
    }
    String what = "; it is the folder of a model in the Hugging Face cache: ";
    List<String> snapshots = source.folders(SNAPSHOTS);
    if (snapshots.size() == 1) {
      return Optional.of(what + "give the folder " + SNAPSHOTS + "/" + snapshots.get(0) + " in it");
    }
    if (has(CACHE_REFERENCE)) {
      String newest = newest();
      return Optional.of(
          what
              + "give the folder "
              + SNAPSHOTS
              + "/"
              + (snapshots.contains(newest)
                  ? newest + " in it"
                  : "REVISION in it, where the file " + CACHE_REFERENCE + " has the revision"));
    }
    return Optional.of(
        snapshots.isEmpty()
            ? what + "it has no snapshot; fetch the model again with \"hf download\""
            : what
                + "give one of the folders in "
                + SNAPSHOTS
                + ": "
                + String.join(", ", snapshots));
  }

  /** The revision of the newest snapshot, as the cache notes it. */
  private String newest() throws IOException {
    try (InputStream in = source.open(CACHE_REFERENCE, 0)) {
      return new String(in.readNBytes(LONGEST_REVISION), StandardCharsets.UTF_8).strip();
    }
  }

  private Set<String> weightFolders() {
    Set<String> folders = new TreeSet<>();
    for (FileSource.Entry file : files) {
      int slash = file.path().indexOf('/');
      if (slash > 0) {
        folders.add(file.path().substring(0, slash));
      }
    }
    return folders;
  }

  private void checkFolder(String folder) throws IOException {
    if (!CheckpointFiles.isComponent(folder)) {
      return;
    }
    Optional<String> quantized = quantization(folder);
    if (quantized.isPresent()) {
      problems.add(
          folder
              + "/config.json has a quantization_config ("
              + quantized.get()
              + ")"
              + NOT_QUANTIZED);
    } else if (has(folder + "/" + QUANTIZATION)) {
      problems.add(folder + " has a " + QUANTIZATION + NOT_QUANTIZED);
    }
    for (String adapter : ADAPTERS) {
      if (has(folder + "/" + adapter)) {
        problems.add(folder + " holds an adapter that is not merged (" + adapter + ")" + MERGE);
      }
    }
    boolean safetensors = any(folder, ".safetensors");
    if (!safetensors && any(folder, ".gguf")) {
      problems.add(
          folder + " holds GGUF weights, which are not supported: use safetensors weights");
    } else if (!safetensors && PICKLES.stream().anyMatch(end -> any(folder, end))) {
      problems.add(
          folder
              + " holds pickled weights only, which can run code when they are read and are never"
              + " loaded: convert them to safetensors");
    }
  }

  private Optional<String> quantization(String folder) throws IOException {
    Optional<FileSource.Entry> config = find(folder + "/config.json");
    if (config.isEmpty() || config.get().size() > MAX_CONFIG_BYTES) {
      return Optional.empty();
    }
    try (InputStream in = source.open(config.get().path(), 0)) {
      JsonNode whole = Json.MAPPER.readTree(in.readNBytes(MAX_CONFIG_BYTES));
      JsonNode quantization =
          whole.hasNonNull("quantization_config")
              ? whole.path("quantization_config")
              : whole.path("text_config").path("quantization_config");
      if (!quantization.isObject()) {
        return Optional.empty();
      }
      if (quantization.path("quant_method").isTextual()) {
        return Optional.of(quantization.path("quant_method").asText());
      }
      return Optional.of(
          quantization.has("modules_dtype_dict")
              ? "SDNQ"
              : quantization.has("load_in_4bit") || quantization.has("load_in_8bit")
                  ? "bitsandbytes"
                  : "method unknown");
    } catch (JsonProcessingException e) {
      // A damaged configuration is reported when it is parsed.
      return Optional.empty();
    }
  }

  /**
   * One sentence for each file that only stands for the file itself, and for each folder that this
   * user may not read.
   *
   * @param belongs selects the paths that are needed
   */
  static List<String> unreadable(
      FileSource source, List<FileSource.Entry> files, Predicate<String> belongs)
      throws IOException {
    List<String> problems = new ArrayList<>();
    for (String path : source.brokenLinks()) {
      if (belongs.test(path)) {
        problems.add(
            path
                + " is a link whose target does not exist: fetch the files again with \"hf"
                + " download\", or copy the folder together with what its links point to");
      }
    }
    for (String folder : source.closedFolders()) {
      if (belongs.test(folder)) {
        problems.add(folder + " is a folder that this user may not read: change its permissions");
      }
    }
    for (FileSource.Entry file : files) {
      if (belongs.test(file.path()) && isLfsPointer(source, file)) {
        problems.add(
            file.path()
                + " is a Git LFS pointer, not the file: fetch the files with \"git lfs pull\" or"
                + " \"hf download\"");
      }
    }
    return problems;
  }

  private static boolean isLfsPointer(FileSource source, FileSource.Entry file) throws IOException {
    if (file.size() > MAX_LFS_POINTER || file.size() < LFS.length()) {
      return false;
    }
    try (InputStream in = source.open(file.path(), 0)) {
      return new String(in.readNBytes(LFS.length()), StandardCharsets.UTF_8).equals(LFS);
    }
  }

  private Optional<FileSource.Entry> find(String path) {
    return files.stream().filter(file -> file.path().equals(path)).findFirst();
  }

  private boolean has(String path) {
    return find(path).isPresent();
  }

  private boolean any(String ending) {
    return files.stream().anyMatch(f -> f.path().toLowerCase(Locale.ROOT).endsWith(ending));
  }

  private boolean any(String folder, String ending) {
    return files.stream()
        .anyMatch(f -> f.path().startsWith(folder + "/") && f.path().endsWith(ending));
  }

  private static boolean isWeights(String path) {
    return path.endsWith(".safetensors") || isPickle(path);
  }

  static boolean isPickle(String path) {
    return PICKLES.stream().anyMatch(path::endsWith);
  }
}
