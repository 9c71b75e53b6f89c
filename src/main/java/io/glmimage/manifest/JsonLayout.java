package io.glmimage.manifest;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.io.JsonEOFException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.Reader;

/**
 * Recognises JSON that does not have one object per line. Only the first object is read, and no
 * value of it is held in memory.
 */
public final class JsonLayout {
  private static final JsonFactory JSON = new JsonFactory();

  private static final String BLANK = "all its lines are blank, but one object per line is needed";
  private static final String ARRAY =
      "it is a JSON array, but one object per line is needed (jq -c '.[]' FILE)";
  private static final String LINES =
      "its objects have several lines, but one object per line is needed (jq -c . FILE)";
  private static final String TABLE =
      "it is one JSON object that holds a whole table, but one object per line is needed (in pandas"
          + " to_json(FILE, orient=\"records\", lines=True))";

  private JsonLayout() {}

  /**
   * Why a file cannot be read line by line, and what to do about it, or null. Broken lines are not
   * a reason: they fail alone.
   *
   * @param text the file from its start; closed by this method
   * @param prompt the column that holds the prompt
   */
  public static String problem(Reader text, String prompt) throws IOException {
    try (JsonParser parser = JSON.createParser(withoutByteOrderMark(text))) {
      JsonToken first = parser.nextToken();
      if (first == null) {
        return BLANK;
      }
      return switch (first) {
        case START_ARRAY -> array(parser);
        case START_OBJECT -> object(parser, prompt);
        default -> null;
      };
    } catch (JsonProcessingException e) {
      return null;
    }
  }

  private static Reader withoutByteOrderMark(Reader text) throws IOException {
    BufferedReader in = text instanceof BufferedReader reader ? reader : new BufferedReader(text);
    in.mark(1);
    if (in.read() != '\uFEFF') {
      in.reset();
    }
    return in;
  }

  private static int line(JsonParser parser) {
    return parser.currentTokenLocation().getLineNr();
  }

  private static String array(JsonParser parser) throws IOException {
    int start = line(parser);
    JsonToken next;
    try {
      next = parser.nextToken();
    } catch (JsonEOFException e) {
      return ARRAY;
    }
    boolean empty = next == JsonToken.END_ARRAY && parser.nextToken() == null;
    return empty || next == JsonToken.START_OBJECT || line(parser) > start ? ARRAY : null;
  }

  private static String object(JsonParser parser, String prompt) throws IOException {
    int start = line(parser);
    boolean continued = false;
    boolean later = false;
    boolean hasPrompt = false;
    boolean plainPrompt = false;
    boolean nested = false;
    boolean plain = false;
    int open = 1;
    while (open > 0) {
      JsonToken token;
      try {
        token = parser.nextToken();
      } catch (JsonEOFException e) {
        // A line that is cut off may be followed by one that is whole.
        return continued ? LINES : null;
      }
      if (!later && line(parser) > start) {
        later = true;
        continued = token != JsonToken.START_OBJECT;
      }
      boolean isPrompt = open == 1 && prompt.equals(parser.currentName());
      hasPrompt |= isPrompt;
      if (token.isStructStart()) {
        nested |= open == 1;
        open++;
      } else if (token.isStructEnd()) {
        open--;
      } else if (open == 1 && token.isScalarValue()) {
        plain = true;
        plainPrompt |= isPrompt;
      }
    }
    if (line(parser) > start) {
      return LINES;
    }
    boolean table = hasPrompt ? !plainPrompt : nested && !plain;
    return table && parser.nextToken() == null ? TABLE : null;
  }
}
