package io.glmimage.model.glyph;

import io.glmimage.weights.CheckpointFolder;
import java.nio.file.Path;

/** Reads prompts as {@link GlyphEncoder} does, up to the tokens; for fuzzing. */
public final class GlyphTokens {
  private static final int LONGEST = 2048;
  private static ByT5Tokenizer tokenizer;

  private GlyphTokens() {}

  /**
   * Extracts the quoted texts of a prompt and converts them to tokens.
   *
   * @throws AssertionError if a token does not exist
   */
  public static synchronized void check(String prompt, Path checkpoint) {
    if (tokenizer == null) {
      tokenizer = ByT5Tokenizer.load(CheckpointFolder.open(checkpoint));
    }
    for (String text : GlyphTexts.extract(prompt)) {
      int[] ids = tokenizer.encode(text, LONGEST);
      if (ids.length == 0 || ids.length > LONGEST) {
        throw new AssertionError(ids.length + " tokens");
      }
      for (int id : ids) {
        if (id < 0 || id >= tokenizer.ids()) {
          throw new AssertionError("token " + id);
        }
      }
    }
  }
}
