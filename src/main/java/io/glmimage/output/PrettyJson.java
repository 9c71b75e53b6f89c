package io.glmimage.output;

import com.fasterxml.jackson.core.JsonProcessingException;
import io.glmimage.json.Json;
import java.util.Map;

/** Indented JSON for files that people read too. */
final class PrettyJson {
  private PrettyJson() {}

  static String of(Map<String, Object> fields) {
    try {
      return Json.INDENTED.writeValueAsString(fields) + "\n";
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("Cannot write plain values as JSON", e);
    }
  }
}
