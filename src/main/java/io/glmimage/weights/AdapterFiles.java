package io.glmimage.weights;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.glmimage.digest.Sha256;
import io.glmimage.error.CheckpointException;
import io.glmimage.io.FileSource;
import java.io.IOException;
import java.io.InputStream;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * The files of a LoRA adapter: PEFT's {@code adapter_config.json} and {@code
 * adapter_model.safetensors}, diffusers' {@code pytorch_lora_weights.safetensors}, or a single
 * safetensors file of any name. They are in the folder itself or, one set for each component, in
 * {@code transformer} and {@code vision_language_encoder}.
 */
public final class AdapterFiles {
  static final String CONFIG = "adapter_config.json";

  private static final List<String> USUAL_NAMES =
      List.of("adapter_model.safetensors", "pytorch_lora_weights.safetensors");

  /** The components into which adapters are merged. */
  static final Set<String> COMPONENTS =
      new TreeSet<>(Set.of("transformer", "vision_language_encoder"));

  /**
   * The files of one adapter.
   *
   * @param component the folder's name; empty if the folder is the adapter's own
   * @param weights path relative to the adapter's folder
   * @param config path of PEFT's configuration; null if there is none
   */
  record Part(String component, String weights, String config) {}

  private AdapterFiles() {}

  /**
   * @param path relative to the adapter's folder, with {@code /} as the separator
   */
  public static boolean belongs(String path) {
    int slash = path.indexOf('/');
    String name = path.substring(slash + 1);
    return (slash < 0 || COMPONENTS.contains(path.substring(0, slash)))
        && name.indexOf('/') < 0
        && !name.startsWith(".")
        && name.chars().noneMatch(Character::isISOControl)
        && (name.equals(CONFIG) || name.endsWith(".safetensors"));
  }

  /**
   * Requires that a folder holds the files of an adapter.
   *
   * @throws CheckpointException if it does not
   */
  public static void check(FileSource source) throws IOException {
    parts(source, source.name());
  }

  /**
   * The parts of an adapter folder, found by names alone.
   *
   * @param place the folder, for messages
   * @throws CheckpointException if the folder holds no adapter that can be read
   */
  static List<Part> parts(FileSource source, String place) throws IOException {
    List<FileSource.Entry> files = source.list();
    Set<String> paths = files.stream().map(FileSource.Entry::path).collect(Collectors.toSet());
    if (paths.contains("model_index.json")) {
      throw refused(place, "it is a whole model, not an adapter: give it with --model");
    }
    List<String> unreadable =
        CheckpointForm.unreadable(
            source,
            files,
            path -> (belongs(path) && !isBesideTheUsual(path, paths)) || COMPONENTS.contains(path));
    if (!unreadable.isEmpty()) {
      throw refused(place, String.join("; ", unreadable));
    }
    List<Part> parts = new ArrayList<>();
    for (String component : List.of("", "transformer", "vision_language_encoder")) {
      part(place, component, paths).ifPresent(parts::add);
    }
    if (parts.isEmpty()) {
      boolean pickled =
          paths.stream().anyMatch(path -> CheckpointForm.isPickle(path.toLowerCase(Locale.ROOT)));
      throw refused(
          place,
          pickled
              ? "it holds pickled weights only, which can run code when they are read and are never"
                  + " loaded: convert them to safetensors"
              : "it holds no LoRA adapter: expected adapter_config.json with"
                  + " adapter_model.safetensors, or pytorch_lora_weights.safetensors");
    }
    return parts;
  }

  /**
   * Identifies an adapter wherever it is: a digest of all bytes of the files that are merged.
   *
   * @throws CheckpointException if the folder holds no adapter
   */
  public static String digest(FileSource source) throws IOException {
    MessageDigest digest = Sha256.start();
    for (Part part : parts(source, source.name())) {
      for (String path :
          part.config() == null
              ? List.of(part.weights())
              : List.of(part.config(), part.weights())) {
        digest.update((path + "\0" + source.stat(path).size() + "\0").getBytes(UTF_8));
        try (InputStream in = source.open(path, 0)) {
          byte[] buffer = new byte[1 << 20];
          for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
            digest.update(buffer, 0, n);
          }
        }
      }
    }
    return Sha256.hex(digest);
  }

  /** Whether a path is of weights that are not looked at, because others have the usual name. */
  private static boolean isBesideTheUsual(String path, Set<String> paths) {
    String folder = path.substring(0, path.indexOf('/') + 1);
    return path.endsWith(".safetensors")
        && !USUAL_NAMES.contains(path.substring(folder.length()))
        && USUAL_NAMES.stream().anyMatch(name -> paths.contains(folder + name));
  }

  private static Optional<Part> part(String place, String component, Set<String> paths) {
    String prefix = component.isEmpty() ? "" : component + "/";
    List<String> weights =
        paths.stream()
            .filter(path -> path.startsWith(prefix) && belongs(path))
            .filter(path -> path.indexOf('/', prefix.length()) < 0)
            .filter(path -> path.endsWith(".safetensors"))
            .sorted()
            .toList();
    String config = paths.contains(prefix + CONFIG) ? prefix + CONFIG : null;
    for (String name : USUAL_NAMES) {
      if (weights.contains(prefix + name)) {
        return Optional.of(new Part(component, prefix + name, config));
      }
    }
    if (weights.size() > 1) {
      throw refused(
          place,
          "it holds several weight files, none of them named "
              + String.join(" or ", USUAL_NAMES)
              + ": keep one of "
              + String.join(", ", weights));
    }
    return weights.stream().findFirst().map(file -> new Part(component, file, config));
  }

  /**
   * @param place the adapter's folder
   */
  static CheckpointException refused(String place, String why) {
    return new CheckpointException("Cannot load model: adapter " + place + ": " + why);
  }
}
