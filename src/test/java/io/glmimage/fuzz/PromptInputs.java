package io.glmimage.fuzz;

import io.glmimage.error.CheckpointException;
import io.glmimage.image.PixelSize;
import io.glmimage.jinja.JinjaException;
import io.glmimage.jinja.JinjaTemplate;
import io.glmimage.jinja.OpaqueValue;
import io.glmimage.model.Grid;
import io.glmimage.model.glyph.GlyphTokens;
import io.glmimage.model.processor.GlmProcessor;
import io.glmimage.weights.CheckpointFolder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Prompts: as tokens of the prior model, and their quoted texts as glyph tokens. */
final class PromptInputs {
  private static final Path CHECKPOINT = Path.of("src/test/resources/goldens/checkpoint-a");

  /** As a chat template gets them. */
  private static final Map<String, Object> VARIABLES =
      Map.of(
          "messages",
          List.of(
              Map.of(
                  "role",
                  "user",
                  "content",
                  List.of(
                      Map.of("type", "image", "image", new OpaqueValue("<image>")),
                      Map.of("type", "text", "text", "Make the sky green.")))),
          "add_generation_prompt",
          false,
          "target_h",
          1024L,
          "bos_token",
          "<s>");

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

  /** The input is the template. */
  static void template(byte[] input) {
    try {
      JinjaTemplate.parse(text(input)).render(VARIABLES);
    } catch (JinjaException e) {
      throw new CheckpointException(e.getMessage(), e);
    }
  }

  private static String text(byte[] input) {
    return new String(input, StandardCharsets.UTF_8);
  }
}
