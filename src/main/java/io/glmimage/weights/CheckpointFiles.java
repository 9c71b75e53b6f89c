package io.glmimage.weights;

import java.util.Set;

/**
 * Selects the files of a model folder that belong to a GLM-Image checkpoint: configurations,
 * safetensors files, and the files of tokenizers and processors. Pickled weights ({@code .bin},
 * {@code .pt}), scripts and hidden files never belong to a checkpoint.
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
   * @param path relative to the model folder, with {@code /} as the separator
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

  /** Whether a checkpoint uses this folder. */
  static boolean isComponent(String folder) {
    return FOLDERS.contains(folder);
  }
}
