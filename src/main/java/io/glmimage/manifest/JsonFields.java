package io.glmimage.manifest;

import com.fasterxml.jackson.databind.JsonNode;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/** Reads the fields of a row from JSON objects. */
final class JsonFields {
  /** A number that is not too long to try. */
  private static final Pattern NUMBER =
      Pattern.compile("\\s*[-+]?[0-9.]{1,100}(?:[eE][-+]?[0-9]{1,9})?\\s*");

  private static final int SHOWN_CHARS = 60;

  private JsonFields() {}

  /** Puts a value into its field, or adds a problem to the row. */
  static void put(TextRow row, ManifestField field, String name, JsonNode node, String place) {
    if (node == null || node.isNull() || node.isMissingNode()) {
      return;
    }
    switch (field) {
      case PROMPT, MASK_PATH -> {
        if (node.isTextual()) {
          row.put(field, node.textValue());
        } else {
          row.problem(wrong(place, name, node, "a text"));
        }
      }
      case ID -> {
        if (node.isTextual() || node.isIntegralNumber()) {
          row.put(field, node.asText());
        } else {
          row.problem(wrong(place, name, node, "a text or a whole number"));
        }
      }
      case IMAGE_PATHS -> {
        List<String> paths = texts(node);
        if (paths == null) {
          row.problem(wrong(place, name, node, "a path or an array of paths"));
        } else {
          row.put(field, paths);
        }
      }
      case GUIDANCE_SCALE -> {
        if (node.isNumber() && Double.isFinite(node.doubleValue())) {
          row.put(field, node.doubleValue());
        } else {
          row.problem(wrongNumber(place, name, node, "a number"));
        }
      }
      default -> {
        // A number beyond the range of doubles is read as infinity.
        if (!node.isNumber() || !Double.isFinite(node.doubleValue())) {
          row.problem(wrongNumber(place, name, node, "a whole number"));
          return;
        }
        BigDecimal number = node.decimalValue();
        try {
          row.put(field, number.longValueExact());
        } catch (ArithmeticException e) {
          row.problem(wrongNumber(place, name, node, WholeNumbers.expected(number)));
        }
      }
    }
  }

  /** A text or an array of texts as a list; null for any other value. */
  static List<String> texts(JsonNode node) {
    if (node.isTextual()) {
      return ImagePaths.list(node.textValue());
    }
    if (!node.isArray()) {
      return null;
    }
    List<String> texts = new ArrayList<>();
    for (JsonNode item : node) {
      if (!item.isTextual()) {
        return null;
      }
      texts.add(item.textValue());
    }
    return texts;
  }

  /** The problem of a value of a wrong type or out of range. */
  static String wrong(String place, String name, JsonNode node, String expected) {
    // A number beyond the range of doubles is read as infinity.
    boolean infinite = node.isNumber() && !Double.isFinite(node.doubleValue());
    String text = node.isTextual() ? node.textValue() : node.toString();
    return wrong(place, name, infinite ? "out of range" : text, expected);
  }

  /** As above, for a number. A number in quotes is a text in JSON, which the message says. */
  static String wrongNumber(String place, String name, JsonNode node, String expected) {
    if (!node.isTextual()) {
      return wrong(place, name, node, expected);
    }
    String text = node.textValue();
    return place
        + ": "
        + Texts.shown(name)
        + " is the text \""
        + Texts.shown(text, SHOWN_CHARS)
        + "\", expected "
        + expected
        + (NUMBER.matcher(text).matches() ? " (write it without quotation marks)" : "");
  }

  /** As above, for a value as text. */
  static String wrong(String place, String name, String text, String expected) {
    String value = DataUrl.is(text) ? DataUrl.shown(text) : Texts.shown(text, SHOWN_CHARS);
    return place + ": " + Texts.shown(name) + " is " + value + ", expected " + expected;
  }
}
