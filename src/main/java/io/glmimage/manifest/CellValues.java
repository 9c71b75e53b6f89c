package io.glmimage.manifest;

import com.fasterxml.jackson.core.JsonProcessingException;
import io.glmimage.json.Json;
import java.math.BigDecimal;
import java.util.Arrays;
import java.util.List;

/**
 * Reads the fields of a row from texts, for formats whose values have no types, such as CSV. {@code
 * image_paths} holds one path, several paths separated by {@code |}, or a JSON array of paths.
 */
final class CellValues {
  private CellValues() {}

  /**
   * Puts a value into its field, or adds a problem to the row.
   *
   * @param name name of the column, for messages
   * @param value not empty
   * @param place file and line, for messages
   */
  static void put(TextRow row, ManifestField field, String name, String value, String place) {
    try {
      switch (field) {
        case PROMPT, ID, MASK_PATH -> row.put(field, value);
        case IMAGE_PATHS -> row.put(field, paths(value));
        case GUIDANCE_SCALE -> row.put(field, number(value).doubleValue());
        default -> {
          BigDecimal number = number(value);
          try {
            row.put(field, number.longValueExact());
          } catch (ArithmeticException e) {
            row.problem(JsonFields.wrong(place, name, value, WholeNumbers.expected(number)));
          }
        }
      }
    } catch (NumberFormatException e) {
      row.problem(JsonFields.wrong(place, name, value, "a number"));
    } catch (JsonProcessingException e) {
      row.problem(place + ": " + name + " starts with [ but is not a JSON array of paths");
    }
  }

  /** Numbers have the limit of those in JSON. */
  private static BigDecimal number(String value) {
    String text = value.strip();
    if (text.length() > JsonObjectLine.MOST_DIGITS) {
      throw new NumberFormatException("too long");
    }
    return new BigDecimal(text);
  }

  private static List<String> paths(String value) throws JsonProcessingException {
    if (value.stripLeading().startsWith("[")) {
      return List.of(Json.MAPPER.readValue(value, String[].class));
    }
    // A data URL does not contain |.
    return Texts.isBlank(value)
        ? List.of()
        : Arrays.stream(value.split("\\|", -1)).map(String::strip).toList();
  }
}
