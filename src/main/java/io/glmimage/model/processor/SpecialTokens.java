package io.glmimage.model.processor;

import io.glmimage.error.CheckpointException;
import io.glmimage.weights.CheckpointFolder;
import io.glmimage.weights.ConfigFile;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The texts of the tokens that frame a prompt.
 *
 * @param imageStart before the tokens of every image; also the end of every prompt
 * @param imageEnd after the tokens of every image
 * @param image placeholder for one token of a source image
 * @param gridStart before the rows and columns of a grid
 * @param gridEnd after the rows and columns of a grid
 * @param named all special tokens by the names that chat templates know them by
 */
record SpecialTokens(
    String imageStart,
    String imageEnd,
    String image,
    String gridStart,
    String gridEnd,
    Map<String, String> named) {

  /**
   * Reads {@code processor/tokenizer_config.json}, and {@code special_tokens_map.json} for tokens
   * that the first file lacks.
   *
   * @throws CheckpointException if neither file has one of the tokens
   */
  static SpecialTokens load(CheckpointFolder checkpoint) {
    ConfigFile config = checkpoint.config("processor/tokenizer_config.json");
    List<ConfigFile> places = new ArrayList<>(List.of(config));
    if (config.has("extra_special_tokens") && config.isObject("extra_special_tokens")) {
      places.add(config.object("extra_special_tokens"));
    }
    String map = "processor/special_tokens_map.json";
    if (Files.exists(checkpoint.file(map))) {
      places.add(checkpoint.config(map));
    }
    return new SpecialTokens(
        find(places, "bos_token"),
        find(places, "eos_token"),
        find(places, "image_token"),
        find(places, "grid_bos_token"),
        find(places, "grid_eos_token"),
        named(places));
  }

  private static Map<String, String> named(List<ConfigFile> places) {
    Map<String, String> named = new HashMap<>();
    for (ConfigFile place : places) {
      for (String name : place.keys()) {
        boolean token = place.isText(name) || place.isObject(name);
        if (name.endsWith("_token") && token && !named.containsKey(name)) {
          named.put(name, find(places, name));
        }
      }
    }
    return Map.copyOf(named);
  }

  private static String find(List<ConfigFile> places, String key) {
    for (ConfigFile place : places) {
      if (place.has(key)) {
        // A token with attributes is stored as an object.
        return place.isObject(key) ? place.object(key).text("content") : place.text(key);
      }
    }
    // Fails with the name of the first file and the key.
    return places.get(0).text(key);
  }

  /** Whether all tokens are known; a folder that is only inspected may lack some. */
  boolean complete() {
    return List.of(imageStart, imageEnd, image, gridStart, gridEnd).stream()
        .noneMatch(String::isEmpty);
  }

  /** The frame of one source image, with a single placeholder. */
  String sourceFrame() {
    return imageStart + image + imageEnd;
  }
}
