package io.glmimage.model.processor;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.glmimage.json.Json;
import io.glmimage.json.Surrogates;
import java.io.IOException;

/**
 * Checks the text of a tokenizer file before native code gets it. The tokenizers library ends the
 * process, without an exception, at some errors of syntax.
 */
final class TokenizerText {
  /** The library's JSON parser fails at 128. */
  private static final int MAX_DEPTH = 100;

  private TokenizerText() {}

  /**
   * @throws IOException if the library's parser would refuse the text: not a JSON object, nested
   *     too deeply, a number beyond a double, half of a surrogate pair
   */
  static void check(byte[] json) throws IOException {
    try (JsonParser parser = Json.MAPPER.createParser(json)) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw new IOException("it is not a JSON object");
      }
      int depth = 1;
      while (depth > 0) {
        JsonToken token = parser.nextToken();
        if (token == null) {
          throw new IOException("it is truncated");
        }
        switch (token) {
          case START_OBJECT, START_ARRAY -> {
            if (++depth > MAX_DEPTH) {
              throw new IOException("it is nested more than " + MAX_DEPTH + " times");
            }
          }
          case END_OBJECT, END_ARRAY -> depth--;
          case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> {
            if (Double.isInfinite(parser.getDoubleValue())) {
              throw new IOException("its number " + parser.getText() + " is out of range");
            }
          }
          case FIELD_NAME, VALUE_STRING -> {
            if (Surrogates.unpaired(parser.getText()) >= 0) {
              throw new IOException("it has half of a surrogate pair in a text");
            }
          }
          default -> {
            // true, false, null
          }
        }
      }
      if (parser.nextToken() != null) {
        throw new IOException("text follows its JSON object");
      }
    }
  }
}
