package io.glmimage.model.glyph;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.glmimage.error.CheckpointException;
import io.glmimage.golden.Goldens;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import io.glmimage.weights.CheckpointFolder;
import io.glmimage.weights.ConfigFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GlyphEncoderTest {
  @TempDir Path temp;

  private static CheckpointFolder checkpoint() {
    return Goldens.cases("06_text_encoder").get(0).checkpoint();
  }

  private static GlyphEncoder encoder() {
    return GlyphEncoder.load(checkpoint(), Compute.cpu());
  }

  @Test
  void takesTheInnermostOfNestedQuotes() {
    assertEquals(List.of("b"), GlyphTexts.extract("“a “b” c”"));
    assertEquals(List.of("b"), GlyphTexts.extract("「a「b」c」"));
    assertEquals(List.of("a 「b」", "b"), GlyphTexts.extract("\"a 「b」\""));
  }

  @Test
  void takesEmojiAndCjkTexts() {
    assertEquals(List.of("🚀🎉", "你好", "한글"), GlyphTexts.extract("「한글」 “你好” '🚀🎉'"));
  }

  @Test
  void findsNothingWithoutAPairOfMarks() {
    assertEquals(List.of(), GlyphTexts.extract(""));
    assertEquals(List.of(), GlyphTexts.extract("it's “open only"));
    assertEquals(List.of(), GlyphTexts.extract("”closing “before opening"));
  }

  @Test
  void aVeryLongPromptIsSearchedWithoutTrouble() {
    String long1 = "x".repeat(1 << 20);
    assertEquals(List.of(long1), GlyphTexts.extract("'" + long1 + "'"));
    assertEquals(List.of(), GlyphTexts.extract("“".repeat(1 << 20)));
  }

  @Test
  void addedTokensStripWhiteSpaceIfConfigured() {
    ByT5Tokenizer tokenizer = ByT5Tokenizer.load(checkpoint());
    // </s> strips white space, <extra_id_0> does not. U+3000 is white space too.
    assertArrayEquals(new int[] {100, 1, 101, 1}, tokenizer.encode("a \t</s>\u3000b", 100));
    assertArrayEquals(
        new int[] {100, 35, 259, 35, 101, 1}, tokenizer.encode("a <extra_id_0> b", 100));
    assertArrayEquals(new int[] {269, 1}, tokenizer.encode("<extra_id_10>", 100));
  }

  @Test
  void aTextThatSpellsOutTheEndTokenGetsNoSecondOne() {
    ByT5Tokenizer tokenizer = ByT5Tokenizer.load(checkpoint());
    assertArrayEquals(new int[] {100, 1}, tokenizer.encode("a</s>", 100));
    assertArrayEquals(new int[] {1}, tokenizer.encode("abc", 1));
    assertThrows(IllegalArgumentException.class, () -> tokenizer.encode("abc", 0));
  }

  @Test
  void readsAddedTokensFromTheirOwnFile() throws IOException {
    Files.createDirectories(temp.resolve("tokenizer"));
    Files.copy(checkpoint().file("model_index.json"), temp.resolve("model_index.json"));
    Files.writeString(temp.resolve("tokenizer/tokenizer_config.json"), "{}");
    CheckpointFolder folder = CheckpointFolder.open(temp);
    assertArrayEquals(new int[] {63, 100, 65, 1}, ByT5Tokenizer.load(folder).encode("<a>", 100));
    Files.writeString(temp.resolve("tokenizer/added_tokens.json"), "{\"<a>\": 300}");
    assertArrayEquals(new int[] {300, 1}, ByT5Tokenizer.load(folder).encode("<a>", 100));
    Files.writeString(temp.resolve("tokenizer/added_tokens.json"), "{\"<a>\": -1}");
    assertThrows(CheckpointException.class, () -> ByT5Tokenizer.load(folder));
  }

  @Test
  void anEmptyPromptIsOnePosition() {
    try (TensorScope scope = new TensorScope();
        GlyphEncoder encoder = encoder()) {
      Tensor empty = encoder.embed("");
      assertArrayEquals(new long[] {1, encoder.width()}, Ops.shape(empty));
      assertArrayEquals(Ops.toFloats(empty), Ops.toFloats(encoder.embed("no quotes")));
      assertArrayEquals(Ops.toFloats(empty), Ops.toFloats(encoder.embedNothing()));
      assertArrayEquals(Ops.toFloats(empty), Ops.toFloats(encoder.embed("''")));
    }
  }

  @Test
  void aVeryLongTextIsCut() {
    try (TensorScope scope = new TensorScope();
        GlyphEncoder encoder = encoder()) {
      String longText = "é".repeat(5000);
      assertEquals(GlyphEncoder.MAX_LENGTH, encoder.embed("'" + longText + "'").size(0));
      // Two texts get one pad each, beyond the limit.
      assertEquals(
          GlyphEncoder.MAX_LENGTH + 1 + 3, encoder.embed("'" + longText + "' 'a'").size(0));
      assertEquals(0, encoder.keptPrompts(), "long embeddings must not be kept");
    }
  }

  @Test
  void keptEmbeddingsAreBoundedAndOutliveTheirCallers() {
    try (GlyphEncoder encoder = encoder()) {
      float[] first;
      try (TensorScope scope = new TensorScope()) {
        first = Ops.toFloats(encoder.embed("'text 0'"));
      }
      for (int i = 1; i < 2 * GlyphEncoder.KEPT_PROMPTS; i++) {
        try (TensorScope scope = new TensorScope()) {
          encoder.embed("'text " + i + "'");
          // Used every time, so never the least recently used.
          assertArrayEquals(first, Ops.toFloats(encoder.embed("some 'text 0' again")));
        }
      }
      assertEquals(GlyphEncoder.KEPT_PROMPTS, encoder.keptPrompts());
    }
  }

  @Test
  void anEmbeddingStaysValidAfterItWasDropped() {
    try (TensorScope scope = new TensorScope();
        GlyphEncoder encoder = encoder()) {
      encoder.embed("'held'");
      Tensor held = encoder.embed("'held'");
      float[] before = Ops.toFloats(held);
      for (int i = 0; i <= GlyphEncoder.KEPT_PROMPTS; i++) {
        encoder.embed("'other " + i + "'");
      }
      assertArrayEquals(before, Ops.toFloats(held));
    }
  }

  @Test
  void nearDistancesHaveABucketEachAndFarOnesShare() {
    RelativePositionBias bias = new RelativePositionBias(null, 32, 128, Compute.cpu());
    assertEquals(0, bias.bucket(0));
    assertEquals(7, bias.bucket(-7));
    assertEquals(16 + 7, bias.bucket(7));
    assertEquals(15, bias.bucket(-128));
    assertEquals(15, bias.bucket(-100_000));
    assertEquals(31, bias.bucket(100_000));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          feed_forward_proj | "relu" | knows only gated-gelu
          feed_forward_proj | null | has no "feed_forward_proj"
          model_type | "bert" | knows only t5
          num_layers | 0 | above 0
          d_kv | 1.5 | whole number
          relative_attention_num_buckets | 30 | multiple of 4
          relative_attention_max_distance | 8 | above a quarter
          layer_norm_epsilon | 0 | not above 0
          """)
  void refusesInvalidConfigurations(String key, String json, String why) throws IOException {
    ObjectMapper mapper = new ObjectMapper();
    ObjectNode config =
        (ObjectNode) mapper.readTree(checkpoint().file("text_encoder/config.json").toFile());
    config.set(key, mapper.readTree(json));
    Path file = temp.resolve("config.json");
    Files.write(file, mapper.writeValueAsBytes(config));
    ConfigFile changed = ConfigFile.read(file);
    String message =
        assertThrows(CheckpointException.class, () -> GlyphConfig.read(changed)).getMessage();
    assertTrue(message.contains(why), message);
  }

  @Test
  void refusesATokenizerWithMoreIdsThanTheEncoderHas() throws IOException {
    Files.createDirectories(temp.resolve("tokenizer"));
    Files.createDirectories(temp.resolve("text_encoder"));
    Files.copy(checkpoint().file("model_index.json"), temp.resolve("model_index.json"));
    Files.copy(
        checkpoint().file("text_encoder/config.json"), temp.resolve("text_encoder/config.json"));
    Files.writeString(
        temp.resolve("tokenizer/tokenizer_config.json"),
        "{\"added_tokens_decoder\": {\"9000\": {\"content\": \"<big>\"}}}");
    CheckpointFolder folder = CheckpointFolder.open(temp);
    String message =
        assertThrows(CheckpointException.class, () -> GlyphEncoder.load(folder, Compute.cpu()))
            .getMessage();
    assertTrue(message.contains("ids up to 9000"), message);
  }
}
