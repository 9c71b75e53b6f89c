package io.glmimage.fuzz;

import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Long prompts take a time that grows with their length, not with its square. */
@Timeout(value = 20, unit = TimeUnit.SECONDS)
class LongPromptsTest {
  private static final int CHARS = 250_000;

  private static byte[] repeated(String text) {
    return text.repeat(CHARS / text.length()).getBytes(StandardCharsets.UTF_8);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        " ", "\n", "a", "é", "漢", "' ", "\"a", "“", "「 ", "'s", "1", " \n", "\u00a0", "!", "a "
      })
  void theyAreTokenized(String text) {
    FuzzTarget.PROMPT.feed(repeated(text));
    FuzzTarget.GLYPH_TEXT.feed(repeated(text));
  }

  @ParameterizedTest
  @ValueSource(strings = {" ", "\n", "\u3000", " a"})
  void whiteSpaceBesideTokensIsStripped(String text) {
    byte[] spaces = repeated(text);
    String before = "'" + new String(spaces, StandardCharsets.UTF_8) + "a</s>" + "'";
    String after = "'</s>" + new String(spaces, StandardCharsets.UTF_8) + "a<extra_id_0>'";
    FuzzTarget.GLYPH_TEXT.feed(before.getBytes(StandardCharsets.UTF_8));
    FuzzTarget.GLYPH_TEXT.feed(after.getBytes(StandardCharsets.UTF_8));
  }
}
