package io.glmimage.weights;

import java.util.Set;

/**
 * Which files of a model folder belong to a GLM-Image checkpoint: configurations, safetensors, and
 * what tokenizers and processors read. Pickled weights ({@code .bin}, {@code .pt}), scripts and
 * hidden files never do.
 */
public final class CheckpointFiles {
  private static final Set<String> FOLDERS =
      Set.of(
          "processor",
          "scheduler",
          "text_encoder",
          "tokenizer",
          "transformer",
          "vae",
          "vision_language_encoder");

  private static final Set<String> TOKENIZER_FILES =
      Set.of("merges.txt", "vocab.txt", "spiece.model", "tokenizer.model");

  private CheckpointFiles() {}

  /**
   * @param path relative to the model folder, parts divided by {@code /}
   */
  public static boolean belongs(String path) {
    int slash = path.indexOf('/');
    if (slash >= 0 && !FOLDERS.contains(path.substring(0, slash))) {
      return false;
    }
    String name = path.substring(slash + 1);
    if (name.startsWith(".")
        || name.indexOf('/') >= 0
        || name.indexOf('\\') >= 0
        || name.chars().anyMatch(Character::isISOControl)) {
      return false;
    }
    if (name.endsWith(".json")) {
      return true;
    }
    return slash >= 0
        && (name.endsWith(".safetensors")
            || name.endsWith(".jinja")
            || TOKENIZER_FILES.contains(name));
  }

  /** Whether a folder of a checkpoint is one that is read. */
  static boolean isComponent(String folder) {
    return FOLDERS.contains(folder);
  }
}
