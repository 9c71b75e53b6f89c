package io.glmimage.model.glyph;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import io.glmimage.golden.GoldenCase;
import io.glmimage.golden.Goldens;
import io.glmimage.golden.NormTolerance;
import io.glmimage.golden.Tolerance;
import io.glmimage.tensor.Ops;
import io.glmimage.tensor.TensorScope;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@Tag("parity")
class GlyphParityTest {
  /** Relative error of embeddings in bfloat16. */
  private static final double BFLOAT16 = 0.015;

  static List<GoldenCase> encoderCases() {
    return Goldens.cases("06_text_encoder");
  }

  static List<GoldenCase> textCases() {
    return Goldens.cases("06_glyph_texts");
  }

  @ParameterizedTest
  @MethodSource("textCases")
  void extractsTheSameTexts(GoldenCase golden) {
    JsonNode rows = golden.json().get("rows");
    Goldens.require(!rows.isEmpty(), "rows in " + golden);
    for (JsonNode row : rows) {
      String prompt = row.get("prompt").asText();
      assertEquals(texts(row.get("glyph_texts")), GlyphTexts.extract(prompt), prompt);
    }
  }

  @ParameterizedTest
  @MethodSource("textCases")
  void givesTheSameIds(GoldenCase golden) {
    // The ids are the same for every checkpoint: all tokenizers have the same added tokens.
    for (GoldenCase encoder : encoderCases()) {
      ByT5Tokenizer tokenizer = ByT5Tokenizer.load(encoder.checkpoint());
      for (String part : List.of("byt5", "byt5_truncation")) {
        JsonNode rows = golden.json().get(part);
        Goldens.require(!rows.isEmpty(), part + " in " + golden);
        for (JsonNode row : rows) {
          int limit = row.path("max_length").asInt(GlyphEncoder.MAX_LENGTH);
          String text = row.get("text").asText();
          Tolerance.exact(
              golden.name(),
              part + " " + text.strip(),
              longs(row.get("input_ids")),
              longs(tokenizer.encode(text, limit)));
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("encoderCases")
  void matchesReference(GoldenCase golden) {
    JsonNode prompts = golden.json().get("prompts");
    Tolerance tolerance = golden.tolerance();
    try (TensorScope scope = new TensorScope();
        GlyphEncoder encoder = GlyphEncoder.load(golden.checkpoint(), Goldens.compute())) {
      for (int p = 0; p < prompts.size(); p++) {
        String prompt = prompts.get(p).asText();
        List<String> texts = GlyphTexts.extract(prompt);
        assertEquals(texts(golden.json().at("/glyph_texts/" + p)), texts, prompt);
        texts = texts.isEmpty() ? List.of("") : texts;
        checkIds(golden, p, encoder.ids(texts, GlyphEncoder.MAX_LENGTH));
        checkStates(golden, p, encoder, encoder.ids(texts, GlyphEncoder.MAX_LENGTH), tolerance);
        tolerance.check(golden, p + "/embeds", encoder.embed(prompt).unsqueeze(0));
        // Again, from the kept embeddings.
        tolerance.check(golden, p + "/embeds", encoder.embed(prompt).unsqueeze(0));
      }
      Goldens.require(!prompts.isEmpty(), "prompts in " + golden);
    }
  }

  @Tag("bfloat16")
  @ParameterizedTest
  @MethodSource("encoderCases")
  void bfloat16StaysWithinItsRounding(GoldenCase golden) {
    JsonNode prompts = golden.json().get("prompts");
    try (TensorScope scope = new TensorScope();
        GlyphEncoder encoder = GlyphEncoder.load(golden.checkpoint(), Goldens.bfloat16())) {
      for (int p = 0; p < prompts.size(); p++) {
        Tensor embeds = encoder.embed(prompts.get(p).asText());
        new NormTolerance("bfloat16", BFLOAT16).check(golden, p + "/embeds", embeds.unsqueeze(0));
      }
    }
  }

  private static void checkIds(GoldenCase golden, int prompt, List<int[]> ids) {
    int longest = (int) golden.shape(prompt + "/input_ids")[1];
    long[] padded = new long[ids.size() * longest];
    long[] mask = new long[padded.length];
    for (int i = 0; i < ids.size(); i++) {
      for (int j = 0; j < ids.get(i).length; j++) {
        padded[i * longest + j] = ids.get(i)[j];
        mask[i * longest + j] = 1;
      }
    }
    Tolerance.exact(
        golden.name(), prompt + "/input_ids", golden.longs(prompt + "/input_ids"), padded);
    Tolerance.exact(
        golden.name(), prompt + "/attention_mask", golden.longs(prompt + "/attention_mask"), mask);
  }

  /** Each text alone must give the same as a row of the reference's padded batch. */
  private static void checkStates(
      GoldenCase golden, int prompt, GlyphEncoder encoder, List<int[]> ids, Tolerance tolerance) {
    String name = prompt + "/last_hidden_state";
    long[] shape = golden.shape(name);
    float[] expected = golden.floats(name);
    int row = (int) (shape[1] * shape[2]);
    for (int i = 0; i < ids.size(); i++) {
      float[] actual = Ops.toFloats(encoder.forward(ids.get(i)));
      tolerance.check(
          golden.name(),
          name + " row " + i,
          Arrays.copyOfRange(expected, i * row, i * row + actual.length),
          actual);
    }
  }

  @ParameterizedTest
  @MethodSource("encoderCases")
  void matchesReferenceWhereBatchedOrCut(GoldenCase golden) {
    JsonNode prompts = golden.json().get("prompts");
    Tolerance tolerance = golden.tolerance();
    int seen = 0;
    try (TensorScope scope = new TensorScope();
        GlyphEncoder encoder = GlyphEncoder.load(golden.checkpoint(), Goldens.compute())) {
      for (String sub : golden.subCases()) {
        String[] words = sub.split("_");
        if (words[0].equals("batch")) {
          // batch_P_Q: the embeddings of prompts P and Q, zero rows in front.
          for (int b = 1; b < words.length; b++) {
            String prompt = prompts.get(Integer.parseInt(words[b])).asText();
            checkRow(golden, sub + "/embeds", b - 1, encoder.embed(prompt), tolerance);
            seen++;
          }
        } else if (golden.has(sub + "/negative_prompt_embeds")) {
          checkRow(golden, sub + "/negative_prompt_embeds", 0, encoder.embedNothing(), tolerance);
          seen++;
        } else if (words[0].equals("truncated")) {
          List<String> texts = GlyphTexts.extract(prompts.get(1).asText());
          Tensor embeds = encoder.encode(texts, Integer.parseInt(words[1]));
          tolerance.check(golden, sub + "/embeds", embeds.unsqueeze(0));
          seen++;
        } else if (sub.startsWith("relative_position_bias")) {
          long[] shape = golden.shape(sub);
          tolerance.check(
              golden, sub, encoder.relativePositionBias((int) shape[2], (int) shape[3]));
          seen++;
        }
      }
    }
    Goldens.require(seen >= 4, "four special cases in " + golden);
  }

  /** Compares with the end of row {@code b}, which is padded with zeros in front. */
  private static void checkRow(
      GoldenCase golden, String name, int b, Tensor actual, Tolerance tolerance) {
    long[] shape = golden.shape(name);
    int row = (int) (shape[1] * shape[2]);
    float[] own = Ops.toFloats(actual);
    float[] padded = new float[row];
    System.arraycopy(own, 0, padded, row - own.length, own.length);
    tolerance.check(
        golden.name(),
        name + " row " + b,
        Arrays.copyOfRange(golden.floats(name), b * row, (b + 1) * row),
        padded);
  }

  private static List<String> texts(JsonNode list) {
    List<String> out = new ArrayList<>();
    list.forEach(item -> out.add(item.asText()));
    return out;
  }

  private static long[] longs(JsonNode list) {
    long[] out = new long[list.size()];
    for (int i = 0; i < out.length; i++) {
      out[i] = list.get(i).asLong();
    }
    return out;
  }

  private static long[] longs(int[] values) {
    return Arrays.stream(values).asLongStream().toArray();
  }
}
