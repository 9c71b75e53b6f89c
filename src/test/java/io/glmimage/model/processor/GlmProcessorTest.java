package io.glmimage.model.processor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.glmimage.error.CheckpointException;
import io.glmimage.error.InvalidRequestException;
import io.glmimage.image.PixelSize;
import io.glmimage.image.RgbImage;
import io.glmimage.json.Json;
import io.glmimage.model.Grid;
import io.glmimage.weights.CheckpointFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GlmProcessorTest {
  private static final Path CHECKPOINT =
      Path.of("src/main/resources/models/glm-image-tiny").toAbsolutePath();

  @TempDir Path folder;

  private CheckpointFolder copy() throws IOException {
    Files.createDirectories(folder.resolve("processor"));
    Files.copy(CHECKPOINT.resolve("model_index.json"), folder.resolve("model_index.json"));
    try (Stream<Path> files = Files.list(CHECKPOINT.resolve("processor"))) {
      for (Path file : files.toList()) {
        Files.copy(file, folder.resolve("processor").resolve(file.getFileName()));
      }
    }
    return CheckpointFolder.open(folder);
  }

  private void replace(String file, String from, String to) throws IOException {
    Path path = folder.resolve("processor").resolve(file);
    String text = Files.readString(path);
    assertTrue(text.contains(from), from);
    Files.writeString(path, text.replace(from, to));
  }

  @Test
  void placeholdersAreRepeatedForEverySource() {
    try (GlmProcessor processor = GlmProcessor.load(CheckpointFolder.open(CHECKPOINT))) {
      ProcessedPrompt prompt =
          processor.process(
              "make it red", List.of(new Grid(2, 3), new Grid(1, 4)), new PixelSize(64, 96));
      int[] ids = prompt.inputIds();
      assertEquals(10, Arrays.stream(ids).filter(i -> i == processor.imageTokenId()).count());
      assertEquals(processor.imageStartId(), ids[0]);
      assertEquals(processor.imageEndId(), ids[7]);
      assertEquals(processor.imageStartId(), ids[8]);
      assertEquals(processor.imageEndId(), ids[13]);
      assertEquals(processor.imageStartId(), ids[ids.length - 1]);
      assertEquals(List.of(new Grid(2, 3)), prompt.decodeOrder());
      assertEquals(7, prompt.maxNewTokens());
    }
  }

  @Test
  void draftIsDecodedFirst() {
    try (GlmProcessor processor = GlmProcessor.load(CheckpointFolder.open(CHECKPOINT))) {
      ProcessedPrompt prompt = processor.process("a house", List.of(), new PixelSize(64, 128));
      Grid draft = new Grid(11, 22);
      assertEquals(List.of(draft, new Grid(2, 4)), prompt.decodeOrder());
      assertEquals(draft.size() + 8 + 1, prompt.maxNewTokens());
      int[] generated = IntStream.range(0, prompt.maxNewTokens()).toArray();
      assertArrayEquals(
          IntStream.range(draft.size(), draft.size() + 8).toArray(), prompt.targetIds(generated));
      assertThrows(
          IllegalArgumentException.class,
          () -> prompt.targetIds(Arrays.copyOf(generated, generated.length - 2)));
    }
  }

  @Test
  void framingTokensInAPromptAreRefused() {
    try (GlmProcessor processor = GlmProcessor.load(CheckpointFolder.open(CHECKPOINT))) {
      assertEquals(
          "Cannot use the prompt: it contains <|image|>, which the model reserves for images;"
              + " remove it",
          assertThrows(
                  InvalidRequestException.class,
                  () -> processor.process("a <|image|>", List.of(), new PixelSize(64, 64)))
              .getMessage());
    }
  }

  @Test
  void longPromptsAreNotCut() {
    try (PromptTokenizer tokenizer = PromptTokenizer.load(CheckpointFolder.open(CHECKPOINT))) {
      String text = "x9 ".repeat(20_000);
      int[] ids = tokenizer.encode(text);
      assertTrue(ids.length >= 20_000, ids.length + " ids");
      assertEquals(text, tokenizer.decode(ids, false));
      assertEquals("", tokenizer.decode(new int[0], true));
    }
  }

  @Test
  void tinySourcesAreProcessed() {
    ImageProcessor images = ImageProcessor.load(CheckpointFolder.open(CHECKPOINT));
    SourcePixels pixels = images.process(new RgbImage(3, 9, new byte[81]));
    assertEquals(images.grid(new PixelSize(3, 9)), pixels.grid());
    assertEquals(pixels.grid().size() * pixels.patchLength(), pixels.values().length);
  }

  @Test
  void theOutputOfATemplateIsTaken() throws IOException {
    CheckpointFolder checkpoint = copy();
    replace("chat_template.jinja", "{{- item.text -}}", "{{- '[gMASK]' -}}{{- item.text -}}");
    try (GlmProcessor processor = GlmProcessor.load(checkpoint)) {
      assertEquals(
          "<|dit_token_1024|><|image|><|dit_token_1025|>[gMASK]a hat",
          processor.chatText("a hat", 1, new PixelSize(64, 64)));
    }
  }

  /** As in the reference: only to a text that does not begin with the start token. */
  @Test
  void theTokenizerMayAddTokens() throws IOException {
    CheckpointFolder checkpoint = copy();
    ObjectNode tokenizer =
        (ObjectNode) Json.MAPPER.readTree(folder.resolve("processor/tokenizer.json").toFile());
    int id;
    try (PromptTokenizer before = PromptTokenizer.load(checkpoint)) {
      id = before.id("<sop>");
    }
    tokenizer.set(
        "post_processor",
        Json.MAPPER.readTree(
            """
            {"type": "TemplateProcessing",
             "single": [{"SpecialToken": {"id": "<sop>", "type_id": 0}},
                        {"Sequence": {"id": "A", "type_id": 0}}],
             "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
             "special_tokens": {"<sop>": {"id": "<sop>", "ids": [%d], "tokens": ["<sop>"]}}}
            """
                .formatted(id)));
    Files.writeString(folder.resolve("processor/tokenizer.json"), tokenizer.toString());
    try (GlmProcessor processor = GlmProcessor.load(checkpoint)) {
      PixelSize target = new PixelSize(64, 64);
      List<Grid> source = List.of(new Grid(1, 1));
      assertEquals(id, processor.process("hi", List.of(), target).inputIds()[0]);
      assertEquals(processor.imageStartId(), processor.process("hi", source, target).inputIds()[0]);
    }
    Files.writeString(
        folder.resolve("processor/chat_template.jinja"),
        "X" + Files.readString(folder.resolve("processor/chat_template.jinja")));
    try (GlmProcessor processor = GlmProcessor.load(checkpoint)) {
      assertEquals(
          id,
          processor.process("hi", List.of(new Grid(1, 1)), new PixelSize(64, 64)).inputIds()[0]);
    }
  }

  @Test
  void templatesMayHaveAnotherLayout() throws IOException {
    CheckpointFolder checkpoint = copy();
    Files.writeString(
        folder.resolve("processor/chat_template.jinja"),
        """
        {# GLM-Image #}
        {%- for m in messages -%}
          {%- if m['content'] is string -%}{{ m['content'] }}
          {%- else -%}
            {%- for part in m['content'] -%}
              {%- if part.type == 'image' or 'image' in part -%}
                <|dit_token_1024|><|image|><|dit_token_1025|>
              {%- elif part.type == 'text' -%}{{ part['text'] }}
              {%- endif -%}
            {%- endfor -%}
          {%- endif -%}
        {%- endfor -%}
        """);
    GlmProcessor.load(checkpoint).close();
  }

  @Test
  void missingFilesAndTokensAreNamed() throws IOException {
    CheckpointFolder checkpoint = copy();
    replace("tokenizer_config.json", "\"<sop>\"", "\"<nothing>\"");
    String message =
        assertThrows(CheckpointException.class, () -> GlmProcessor.load(checkpoint)).getMessage();
    assertTrue(message.contains("<nothing>"), message);
    Files.delete(folder.resolve("processor/tokenizer_config.json"));
    message =
        assertThrows(CheckpointException.class, () -> GlmProcessor.load(checkpoint)).getMessage();
    assertTrue(message.contains("tokenizer_config.json is missing"), message);
  }

  @Test
  void damagedTokenizersAreNamed() throws IOException {
    CheckpointFolder checkpoint = copy();
    Files.writeString(folder.resolve("processor/tokenizer.json"), "{\"model\": 3}");
    String message =
        assertThrows(CheckpointException.class, () -> GlmProcessor.load(checkpoint)).getMessage();
    assertTrue(message.contains("tokenizer.json is not a tokenizer"), message);
  }

  @Test
  void unsupportedSettingsAreRefused() throws IOException {
    CheckpointFolder checkpoint = copy();
    replace("preprocessor_config.json", "\"resample\": 3", "\"resample\": 2");
    String message =
        assertThrows(CheckpointException.class, () -> ImageProcessor.load(checkpoint)).getMessage();
    assertTrue(message.endsWith("resample: only 3 (bicubic) is supported"), message);
  }

  @Test
  void nestedProcessorConfigIsRead() throws IOException {
    CheckpointFolder checkpoint = copy();
    Path old = folder.resolve("processor/preprocessor_config.json");
    Files.writeString(
        folder.resolve("processor/processor_config.json"),
        "{\"image_processor\": " + Files.readString(old) + "}");
    Files.delete(old);
    PixelSize size = new PixelSize(100, 120);
    assertEquals(
        ImageProcessor.load(CheckpointFolder.open(CHECKPOINT)).grid(size),
        ImageProcessor.load(checkpoint).grid(size));
  }
}
