package io.glmimage.manifest;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.Serializable;
import java.io.UncheckedIOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The values of JSON lines that pass through as the text that the manifest has. */
public final class JsonTexts implements Serializable {
  private static final long serialVersionUID = 1L;

  /** Stands for the elements of an array in a path. No line has an empty key. */
  public static final String ITEMS = "";

  private final Map<String, JsonTexts> parts = new HashMap<>();
  private boolean text;

  /**
   * Makes values texts.
   *
   * @param path the keys that lead to the values, and {@link #ITEMS} for elements of arrays
   */
  public void mark(List<String> path) {
    JsonTexts at = this;
    for (String key : path) {
      at = at.parts.computeIfAbsent(key, name -> new JsonTexts());
    }
    at.text = true;
  }

  /** Whether no value is made a text. */
  public boolean isEmpty() {
    return parts.isEmpty();
  }

  /** A line with these values as JSON strings, which hold what the line had. */
  String in(String line) {
    if (isEmpty()) {
      return line;
    }
    StringBuilder out = new StringBuilder();
    try (JsonParser parser = JsonObjectLine.FACTORY.createParser(line)) {
      parser.nextToken();
      int copied = copy(parser, line, out, 0);
      return out.append(line, copied, line.length()).toString();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Copies up to the end of the last value that was changed, and returns this end. */
  private int copy(JsonParser parser, String line, StringBuilder out, int from) throws IOException {
    int copied = from;
    JsonToken token = parser.currentToken();
    if (text) {
      if (token == JsonToken.VALUE_STRING || token == JsonToken.VALUE_NULL) {
        return copied;
      }
      int start = (int) parser.currentTokenLocation().getCharOffset();
      parser.skipChildren();
      parser.finishToken();
      int end = (int) parser.currentLocation().getCharOffset();
      out.append(line, copied, start).append(JsonObjectLine.quoted(line.substring(start, end)));
      return end;
    }
    if (token == JsonToken.START_OBJECT) {
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        JsonTexts part = parts.get(parser.currentName());
        parser.nextToken();
        copied = part == null ? skipped(parser, copied) : part.copy(parser, line, out, copied);
      }
    } else if (token == JsonToken.START_ARRAY) {
      JsonTexts part = parts.get(ITEMS);
      while (parser.nextToken() != JsonToken.END_ARRAY) {
        copied = part == null ? skipped(parser, copied) : part.copy(parser, line, out, copied);
      }
    }
    return copied;
  }

  private static int skipped(JsonParser parser, int copied) throws IOException {
    parser.skipChildren();
    return copied;
  }
}
