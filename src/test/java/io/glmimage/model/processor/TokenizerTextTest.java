package io.glmimage.model.processor;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TokenizerTextTest {
  private static void check(String json) throws IOException {
    TokenizerText.check(json.getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void objectsPass() {
    String pair = "\\ud83d\\ude00";
    assertDoesNotThrow(
        () ->
            check(
                "{\"a\": [1, -2.5e300, true, null, \"" + pair + "\", {}], \"\ud83d\ude00\": 1}\n"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "[]",
        "{\"decoder\": {\"type\"",
        "{\"decoder\": {\"type\"% 1}}",
        "{} {}",
        "{\"a\": 1e999}",
        "{\"a\": \"\\ud800\"}",
        "{\"a\": \"\\udc00\\ud800\"}",
        "{\"\\ud800x\": 1}",
        "{\"a\": NaN}"
      })
  void whatWouldEndTheProcessIsRefused(String json) {
    assertThrows(IOException.class, () -> check(json));
  }

  @Test
  void deepNestingIsNamed() {
    String deep = "{\"a\": " + "[".repeat(120) + "]".repeat(120) + "}";
    assertEquals(
        "it is nested more than 100 times",
        assertThrows(IOException.class, () -> check(deep)).getMessage());
  }
}
