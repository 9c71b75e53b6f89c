package io.glmimage.manifest;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import io.glmimage.json.Json;
import java.util.ArrayList;
import java.util.List;

/** Reads the fields of a row from JSON objects. */
final class JsonFields {
  private static final ObjectReader JSON =
      Json.STRICT.reader().with(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS);

  private JsonFields() {}

  /** The JSON object of a line, or null after adding a problem to the row. */
  static JsonNode object(String line, String place, TextRow row) {
    try {
      JsonNode node = JSON.readTree(line);
      if (node.isObject()) {
        return node;
      }
      row.problem(place + " is not a JSON object");
    } catch (JsonProcessingException e) {
      row.problem(
          place
              + " is not JSON: "
              + e.getOriginalMessage()
              + (e.getLocation() == null ? "" : " (column " + e.getLocation().getColumnNr() + ")"));
    } catch (NumberFormatException e) {
      // Exponents of more than ten digits.
      row.problem(place + " has a number out of range: " + e.getMessage());
    }
    return null;
  }

  /** Puts a value into its field, or adds a problem to the row. */
  static void put(TextRow row, ManifestField field, String name, JsonNode node, String place) {
    if (node == null || node.isNull() || node.isMissingNode()) {
      return;
    }
    switch (field) {
      case PROMPT -> {
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
        if (node.isNumber()) {
          row.put(field, node.doubleValue());
        } else {
          row.problem(wrong(place, name, node, "a number"));
        }
      }
      default -> {
        try {
          if (!node.isNumber()) {
            throw new ArithmeticException("not a number");
          }
          row.put(field, node.decimalValue().longValueExact());
        } catch (ArithmeticException | NumberFormatException e) {
          // A number beyond the range of doubles is read as infinity, which has no decimal value.
          row.problem(wrong(place, name, node, "a whole number"));
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
    return wrong(place, name, node.isTextual() ? node.textValue() : node.toString(), expected);
  }

  /** As above, for a value as text. */
  static String wrong(String place, String name, String text, String expected) {
    String value = DataUrl.shown(text);
    String cut = value.length() > 60 ? value.substring(0, 60) + "..." : value;
    return place + ": " + name + " is " + cut + ", expected " + expected;
  }
}
