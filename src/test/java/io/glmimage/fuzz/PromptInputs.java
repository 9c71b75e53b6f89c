package io.glmimage.fuzz;

import io.glmimage.image.PixelSize;
import io.glmimage.model.Grid;
import io.glmimage.model.glyph.GlyphTokens;
import io.glmimage.model.processor.GlmProcessor;
import io.glmimage.weights.CheckpointFolder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

/** Prompts: as tokens of the prior model, and their quoted texts as glyph tokens. */
final class PromptInputs {
  private static final Path CHECKPOINT = Path.of("src/test/resources/goldens/checkpoint-a");

  private PromptInputs() {}

  /** Loads the native tokenizer once. */
  private static final class Processor {
    static final GlmProcessor SHARED = GlmProcessor.load(CheckpointFolder.open(CHECKPOINT));
  }

  static void glyphs(byte[] input) {
    GlyphTokens.check(text(input), CHECKPOINT);
  }

  static void prompt(byte[] input) {
    Processor.SHARED.process(text(input), List.of(new Grid(2, 2)), new PixelSize(64, 96));
  }

  private static String text(byte[] input) {
    return new String(input, StandardCharsets.UTF_8);
  }
}
