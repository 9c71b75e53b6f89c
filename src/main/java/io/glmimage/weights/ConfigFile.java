package io.glmimage.weights;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.MissingNode;
import io.glmimage.error.CheckpointException;
import io.glmimage.json.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One JSON configuration file of a checkpoint, or an object inside the file. Every accessor's error
 * names the file and the key.
 */
public final class ConfigFile {
  private static final Logger LOG = LoggerFactory.getLogger(ConfigFile.class);

  private static final String DEFAULT_TAKEN = "\"; as in the reference, ";

  /** Parts of the names of settings that change a network. */
  private static final Pattern MATTERS =
      Pattern.compile(
          "norm|scal|softcap|multiplier|window|expert|bias|rope|rotary|layer_types|residual");

  private static final int MAX_LAYERS = 1000;

  private final Path file;
  private final String prefix;
  private final JsonNode node;
  private final Consumer<CheckpointException> problems;
  private final Consumer<String> warnings;

  private ConfigFile(
      Path file,
      String prefix,
      JsonNode node,
      Consumer<CheckpointException> problems,
      Consumer<String> warnings) {
    this.file = file;
    this.prefix = prefix;
    this.node = node;
    this.problems = problems;
    this.warnings = warnings;
  }

  /**
   * @throws CheckpointException if the file is missing, unreadable or not a JSON object
   */
  public static ConfigFile read(Path file) {
    return read(
        file,
        problem -> {
          throw problem;
        },
        LOG::warn);
  }

  /**
   * As {@link #read(Path)}, but accessors report a missing key or a wrong value and return a
   * placeholder. One pass therefore finds every problem in the file.
   *
   * @param problems receives each problem
   * @param warnings receives a sentence on each ignored setting
   */
  static ConfigFile read(
      Path file, Consumer<CheckpointException> problems, Consumer<String> warnings) {
    if (!Files.isRegularFile(file)) {
      throw new CheckpointException(
          "Cannot load model: "
              + file
              + " is missing; the folder must have the Hugging Face layout of GLM-Image");
    }
    try {
      JsonNode node = Json.MAPPER.readTree(Files.readAllBytes(file));
      if (node == null || !node.isObject()) {
        throw new CheckpointException("Cannot load model: " + file + " is not a JSON object");
      }
      return new ConfigFile(file, "", node, problems, warnings);
    } catch (JacksonException e) {
      throw new CheckpointException(
          "Cannot load model: " + file + " is not valid JSON: " + e.getOriginalMessage(), e);
    } catch (IOException e) {
      throw new CheckpointException(
          "Cannot load model: cannot read " + file + ": " + e.getMessage(), e);
    }
  }

  public Path file() {
    return file;
  }

  public boolean has(String key) {
    return node.hasNonNull(key);
  }

  /** The keys of this object. */
  public List<String> keys() {
    List<String> names = new ArrayList<>();
    node.fieldNames().forEachRemaining(names::add);
    return names;
  }

  public boolean isObject(String key) {
    return node.path(key).isObject();
  }

  public boolean isText(String key) {
    return node.path(key).isTextual();
  }

  /** The object at {@code key}. */
  public ConfigFile object(String key) {
    JsonNode child = require(key);
    if (!child.isObject()) {
      report(key, child, "an object");
      // The object is reported once, not again for every key inside.
      return new ConfigFile(
          file, prefix + key + ".", Json.MAPPER.createObjectNode(), problem -> {}, warning -> {});
    }
    return new ConfigFile(file, prefix + key + ".", child, problems, warnings);
  }

  /** The object at {@code key}, or an empty one if the key is left out. */
  public ConfigFile objectOrEmpty(String key) {
    return has(key)
        ? object(key)
        : new ConfigFile(
            file, prefix + key + ".", JsonNodeFactory.instance.objectNode(), problems, warnings);
  }

  public int integer(String key) {
    JsonNode child = require(key);
    if (!child.canConvertToExactIntegral() || !child.canConvertToInt()) {
      report(key, child, "a whole number");
      return 1;
    }
    return child.intValue();
  }

  public int integer(String key, int otherwise) {
    return has(key) ? integer(key) : otherwise;
  }

  /** A size: a whole number greater than zero. */
  public int size(String key) {
    int value = integer(key);
    if (value <= 0) {
      report(key, node.get(key), "a whole number above 0");
      return 1;
    }
    if (key.endsWith("layers") && value > MAX_LAYERS) {
      // Each layer is built, so a damaged number would hold up the inspection for hours.
      report(key, node.get(key), "at most " + MAX_LAYERS);
      return 1;
    }
    return value;
  }

  public int size(String key, int otherwise) {
    return has(key) ? size(key) : otherwise;
  }

  /** As {@link #size}; warns if the key is left out, because such a default seldom fits. */
  public int sizeOrWarn(String key, int otherwise) {
    if (!has(key)) {
      warnOfDefault(key, otherwise);
      return otherwise;
    }
    return size(key);
  }

  /** As {@link #number}; warns if the key is left out, because such a default seldom fits. */
  public double numberOrWarn(String key, double otherwise) {
    if (!has(key)) {
      warnOfDefault(key, otherwise);
      return otherwise;
    }
    return number(key);
  }

  private void warnOfDefault(String key, Object otherwise) {
    warnings.accept(file + " has no \"" + prefix + key + DEFAULT_TAKEN + otherwise + " is taken");
  }

  /** Whether a warning says that a key is left out and has a default. */
  public static boolean tellsOfDefault(String warning) {
    return warning.contains(DEFAULT_TAKEN);
  }

  public double number(String key) {
    JsonNode child = require(key);
    if (!child.isNumber()) {
      report(key, child, "a number");
      return 1;
    }
    return child.doubleValue();
  }

  public double number(String key, double otherwise) {
    return has(key) ? number(key) : otherwise;
  }

  public boolean flag(String key, boolean otherwise) {
    if (!has(key)) {
      return otherwise;
    }
    if (!node.get(key).isBoolean()) {
      report(key, node.get(key), "true or false");
      return otherwise;
    }
    return node.get(key).booleanValue();
  }

  public String text(String key) {
    JsonNode child = require(key);
    if (!child.isTextual()) {
      report(key, child, "a string");
      return "";
    }
    return child.textValue();
  }

  public String text(String key, String otherwise) {
    return has(key) ? text(key) : otherwise;
  }

  public int[] integers(String key) {
    List<Integer> values = new ArrayList<>();
    for (JsonNode item : array(key)) {
      if (!item.canConvertToExactIntegral() || !item.canConvertToInt()) {
        report(key, node.get(key), "a list of whole numbers");
        break;
      }
      values.add(item.intValue());
    }
    return values.stream().mapToInt(Integer::intValue).toArray();
  }

  public double[] numbers(String key) {
    List<Double> values = new ArrayList<>();
    for (JsonNode item : array(key)) {
      if (!item.isNumber()) {
        report(key, node.get(key), "a list of numbers");
        break;
      }
      values.add(item.doubleValue());
    }
    return values.stream().mapToDouble(Double::doubleValue).toArray();
  }

  public double[] numbers(String key, List<Double> otherwise) {
    return has(key) ? numbers(key) : otherwise.stream().mapToDouble(Double::doubleValue).toArray();
  }

  public List<String> texts(String key) {
    List<String> values = new ArrayList<>();
    for (JsonNode item : array(key)) {
      values.add(item.asText());
    }
    return values;
  }

  /**
   * Texts with names: an object of strings, or a list of objects with a name and a text. A plain
   * string gets the name {@code "default"}.
   *
   * @param nameKey where the name is in each object of a list
   * @param textKey where the text is
   */
  public Map<String, String> namedTexts(String key, String nameKey, String textKey) {
    JsonNode value = require(key);
    Map<String, String> texts = new LinkedHashMap<>();
    if (value.isTextual()) {
      texts.put("default", value.textValue());
    } else if (value.isObject()) {
      value.properties().forEach(field -> texts.put(field.getKey(), field.getValue().textValue()));
    } else if (value.isArray()) {
      value.forEach(item -> texts.put(item.path(nameKey).asText(), item.path(textKey).textValue()));
    }
    if (texts.isEmpty() || texts.containsValue(null)) {
      report(key, value, "a string, or strings with names");
      return Map.of();
    }
    return texts;
  }

  /**
   * Checks a setting for which this program knows only some values.
   *
   * @throws CheckpointException if the file has another value; a missing key passes
   */
  public void requireText(String key, String... known) {
    if (has(key) && !List.of(known).contains(text(key))) {
      problems.accept(
          new CheckpointException(
              "Cannot load model: "
                  + file
                  + " has "
                  + prefix
                  + key
                  + " = \""
                  + text(key)
                  + "\", but this program knows only "
                  + String.join(", ", known)));
    }
  }

  /**
   * Warns about settings that this program does not know and therefore ignores. Keys with a leading
   * underscore are notes by the program that wrote the file. The values null, false and 0 count as
   * off.
   */
  public void warnOfOthers(Set<String> known) {
    for (String key : keys()) {
      if (!key.startsWith("_") && !known.contains(key) && !isOff(node.get(key))) {
        warnOfIgnored(key);
      }
    }
  }

  /**
   * Warns about settings that this program does not know, and whose names tell that they could
   * change what a network computes. Configurations of transformers have many other keys.
   */
  public void warnOfOthersThatMatter(Set<String> known) {
    for (String key : keys()) {
      if (!known.contains(key) && MATTERS.matcher(key).find() && !isOff(node.get(key))) {
        warnOfIgnored(key);
      }
    }
  }

  /**
   * Warns about a setting that this program ignores, unless it has a value without an effect.
   *
   * @param neutral the value without an effect, besides null, false and 0
   */
  public void warnUnless(String key, double neutral) {
    JsonNode value = node.get(key);
    if (value != null && !isOff(value) && !(value.isNumber() && value.doubleValue() == neutral)) {
      warnOfIgnored(key);
    }
  }

  private void warnOfIgnored(String key) {
    warnings.accept(
        file
            + " has "
            + prefix
            + key
            + " = "
            + node.get(key)
            + ", a setting that this program does not know and ignores");
  }

  private static boolean isOff(JsonNode value) {
    return value.isNull()
        || (value.isBoolean() && !value.booleanValue())
        || (value.isNumber() && value.doubleValue() == 0)
        || (value.isContainerNode() && value.isEmpty());
  }

  /** Whether the file has the key, even with the value null. */
  public boolean names(String key) {
    return node.has(key);
  }

  /** An error about this file's content, in the same form as all other errors. */
  public CheckpointException error(String key, String why) {
    return new CheckpointException("Cannot load model: " + file + ": " + prefix + key + ": " + why);
  }

  private JsonNode array(String key) {
    JsonNode child = require(key);
    if (!child.isArray()) {
      report(key, child, "a list");
      return Json.MAPPER.createArrayNode();
    }
    return child;
  }

  private JsonNode require(String key) {
    JsonNode child = node.get(key);
    if (child == null || child.isNull()) {
      problems.accept(
          new CheckpointException(
              "Cannot load model: " + file + " has no \"" + prefix + key + "\""));
      return MissingNode.getInstance();
    }
    return child;
  }

  /** Reports a wrong value. {@link #require} has already reported a missing key. */
  private void report(String key, JsonNode found, String expected) {
    if (found != null && !found.isMissingNode()) {
      problems.accept(
          new CheckpointException(
              "Cannot load model: "
                  + file
                  + " has "
                  + prefix
                  + key
                  + " = "
                  + found
                  + ", expected "
                  + expected));
    }
  }
}
