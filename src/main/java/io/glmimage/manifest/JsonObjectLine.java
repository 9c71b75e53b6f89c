package io.glmimage.manifest;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.cfg.JsonNodeFeature;
import com.fasterxml.jackson.databind.node.MissingNode;
import io.glmimage.json.Json;
import io.glmimage.json.Surrogates;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;

/**
 * The JSON object of one line. The line is scanned once, without building a tree, so that no line
 * can cost more than its length. Of a line that cannot be used, the values before the fault can
 * still be read.
 */
final class JsonObjectLine {
  /** Spark builds a type for each level. */
  static final int MOST_LEVELS = 64;

  /** The time to parse digits grows with the square of their number. */
  static final int MOST_DIGITS = 1000;

  /** Each key may become a column. */
  static final int MOST_KEYS = 1000;

  static final int LONGEST_KEY = 1000;

  /** The limit of Spark's own reader, which reads the columns that pass through. */
  static final int LONGEST_OTHER_TEXT = 20_000_000;

  private static final int SHOWN_KEY_CHARS = 60;

  private static final ObjectReader JSON =
      Json.STRICT
          .reader()
          .with(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
          // Messages show 7.0 as 7.0.
          .without(JsonNodeFeature.STRIP_TRAILING_BIGDECIMAL_ZEROES);

  /** Limits are checked here, so that the scan can go on after a value that exceeds one. */
  static final JsonFactory FACTORY =
      JsonFactory.builder()
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxStringLength(Integer.MAX_VALUE)
                  .maxNumberLength(Integer.MAX_VALUE)
                  .maxNestingDepth(100_000)
                  .build())
          .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
          .build();

  private final String line;
  private final boolean escapes;
  private final Predicate<String> isField;
  private final Map<String, Value> values = new LinkedHashMap<>();
  private final Set<String> repeated = new HashSet<>();
  private final Set<String> keys = new HashSet<>();

  /** Reasons why the line cannot be used, in order, without repeats. */
  private final Set<String> problems = new LinkedHashSet<>();

  /** Where a value is in the line, and whether it keeps the limits. */
  private record Value(int start, int end, boolean usable) {}

  private JsonObjectLine(String line, Predicate<String> isField) {
    this.line = line;
    this.escapes = line.contains("\\u");
    this.isField = isField;
  }

  /**
   * Scans a line.
   *
   * @param isField whether the value of this key is not one that passes through
   */
  static JsonObjectLine of(String line, Predicate<String> isField) {
    JsonObjectLine object = new JsonObjectLine(line, isField);
    String undecoded = StrictUtf8.problem(line);
    if (undecoded != null) {
      object.problems.add(" " + undecoded);
    }
    try (JsonParser parser = FACTORY.createParser(line)) {
      object.scan(parser);
    } catch (JsonProcessingException e) {
      object.problems.add(
          " is not JSON: "
              // Jackson goes on with advice for programmers.
              + Texts.shown(e.getOriginalMessage().replaceFirst(": enable `.*$", ""))
              + (e.getLocation() == null ? "" : " (column " + e.getLocation().getColumnNr() + ")"));
    } catch (NumberFormatException e) {
      object.problems.add(" has a number out of range");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return object;
  }

  private void scan(JsonParser parser) throws IOException {
    if (parser.nextToken() != JsonToken.START_OBJECT) {
      problems.add(" is not a JSON object");
      return;
    }
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String key = parser.currentName();
      checkKey(key);
      parser.nextToken();
      int start = (int) parser.currentTokenLocation().getCharOffset();
      int before = problems.size();
      skip(parser, isField.test(key));
      parser.finishToken();
      int end = (int) parser.currentLocation().getCharOffset();
      if (values.containsKey(key)) {
        repeated.add(key);
        problems.add(repeatedKey(key));
      }
      values.put(key, new Value(start, end, problems.size() == before));
    }
    if (parser.nextToken() != null) {
      problems.add(" has text after the JSON object");
    }
  }

  private void checkKey(String key) {
    if (key.isEmpty()) {
      problems.add(" has an empty key");
    }
    if (key.length() > LONGEST_KEY) {
      problems.add(" has a key of " + key.length() + " characters, " + LONGEST_KEY + " may be");
    } else if (keys.add(key) && keys.size() == MOST_KEYS + 1) {
      problems.add(" has more than " + MOST_KEYS + " different keys");
    }
    checkUnicode(key, "a key");
  }

  /** Reads over a value and checks what is in it. */
  private void skip(JsonParser parser, boolean field) throws IOException {
    // The keys of the objects that are open; null for an array.
    List<Set<String>> open = new ArrayList<>();
    for (JsonToken token = parser.currentToken(); token != null; token = parser.nextToken()) {
      switch (token) {
        case START_OBJECT, START_ARRAY -> {
          open.add(token == JsonToken.START_OBJECT ? new HashSet<>(4) : null);
          if (open.size() == MOST_LEVELS) {
            problems.add(" is nested deeper than " + MOST_LEVELS + " levels");
          }
        }
        case END_OBJECT, END_ARRAY -> open.remove(open.size() - 1);
        case FIELD_NAME -> {
          String key = parser.currentName();
          checkKey(key);
          if (!open.get(open.size() - 1).add(key)) {
            problems.add(repeatedKey(key));
          }
        }
        case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> {
          if (parser.getTextLength() > MOST_DIGITS) {
            problems.add(
                " has a number of "
                    + parser.getTextLength()
                    + " characters, "
                    + MOST_DIGITS
                    + " may be");
          }
        }
        case VALUE_STRING -> {
          if (!field && parser.getTextLength() > LONGEST_OTHER_TEXT) {
            problems.add(
                " has a text of "
                    + parser.getTextLength()
                    + " characters in a column that passes through, "
                    + LONGEST_OTHER_TEXT
                    + " may be");
          }
          if (escapes) {
            checkUnicode(parser.getText(), "a text");
          }
        }
        default -> {}
      }
      if (open.isEmpty()) {
        return;
      }
    }
  }

  private void checkUnicode(String text, String what) {
    // Bytes that are not UTF-8 are reported once, for the line.
    if (escapes && Surrogates.unpaired(text) >= 0 && Surrogates.unpaired(line) < 0) {
      problems.add(" has " + what + " with half of a surrogate pair (\\ud800 to \\udfff)");
    }
  }

  private static String repeatedKey(String key) {
    return " has the key " + Texts.shown(key, SHOWN_KEY_CHARS) + " twice";
  }

  /** Why the line cannot be used, or null; begins after the name of the line. */
  String problem() {
    return problems.isEmpty() ? null : problems.iterator().next();
  }

  /** Whether the line has the key. */
  boolean has(String key) {
    return values.containsKey(key);
  }

  /**
   * The value of a key; missing if the line does not have the key, or not a single usable value.
   */
  JsonNode get(String key) {
    Value value = values.get(key);
    if (value == null || !value.usable() || repeated.contains(key)) {
      return MissingNode.getInstance();
    }
    String text = line.substring(value.start(), value.end());
    if (Surrogates.unpaired(text) >= 0) {
      return MissingNode.getInstance();
    }
    try {
      return JSON.readTree(text);
    } catch (JsonProcessingException | NumberFormatException e) {
      // Exponents of more than ten digits.
      problems.add(" has a number out of range: " + Texts.shown(text, SHOWN_KEY_CHARS));
      return MissingNode.getInstance();
    }
  }

  /** The line with null for the fields, and without the other values if it cannot be used. */
  String others() {
    StringBuilder out = new StringBuilder("{");
    values.forEach(
        (key, value) -> {
          boolean field = isField.test(key);
          if (!field && !problems.isEmpty()) {
            return;
          }
          out.append(out.length() == 1 ? "" : ",").append(quoted(key)).append(':');
          if (field) {
            out.append("null");
          } else {
            out.append(line, value.start(), value.end());
          }
        });
    return out.append('}').toString();
  }

  /** A text as a JSON string. */
  static String quoted(String key) {
    try {
      return Json.MAPPER.writeValueAsString(key);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }
}
