package io.glmimage.model.processor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.glmimage.error.InvalidRequestException;
import io.glmimage.golden.GoldenCase;
import io.glmimage.golden.Goldens;
import io.glmimage.golden.Tolerance;
import io.glmimage.image.ImageDecoder;
import io.glmimage.image.PixelSize;
import io.glmimage.image.Resampler;
import io.glmimage.image.RgbImage;
import io.glmimage.model.Grid;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Token ids, grids and pixels of the reference's processor. */
@Tag("parity")
class ProcessorParityTest {
  private static final Tolerance PIXELS = new Tolerance(1e-6, 1e-6);

  static List<GoldenCase> smartResize() {
    return Goldens.cases("01_smart_resize");
  }

  @ParameterizedTest
  @MethodSource("smartResize")
  void resizedSidesMatchTheReference(GoldenCase golden) {
    List<Long> expected = new ArrayList<>();
    List<Long> actual = new ArrayList<>();
    for (JsonNode row : golden.json().get("rows")) {
      SmartResize rule =
          new SmartResize(
              row.get("factor").asInt(),
              row.get("min_pixels").asInt(),
              row.get("max_pixels").asInt());
      PixelSize size = new PixelSize(row.get("height").asInt(), row.get("width").asInt());
      if (row.has("error")) {
        assertThrows(InvalidRequestException.class, () -> rule.reference(size), row::toString);
        continue;
      }
      expected.add(row.get("result").get(0).asLong());
      expected.add(row.get("result").get(1).asLong());
      for (PixelSize result : List.of(rule.reference(size))) {
        actual.add((long) result.height());
        actual.add((long) result.width());
      }
      assertEquals(rule.reference(size), rule.of(size), row::toString);
    }
    Tolerance.exact(golden.name(), "rows", longs(expected), longs(actual));
  }

  static List<GoldenCase> generationParams() {
    return Goldens.cases("05_generation_params");
  }

  @ParameterizedTest
  @MethodSource("generationParams")
  void generationParametersMatchTheReference(GoldenCase golden) {
    for (JsonNode row : golden.json().get("rows")) {
      PixelSize target = new PixelSize(row.get("height").asInt(), row.get("width").asInt());
      for (Map.Entry<String, JsonNode> field : row.properties()) {
        JsonNode expected = field.getValue();
        if (!expected.isObject()) {
          continue;
        }
        boolean textToImage =
            expected.get("large_image_start_offset").asInt() > 0
                || field.getKey().startsWith("t2i");
        List<Grid> targets = GlmProcessor.targetGrids(target, textToImage);
        List<Grid> grids = grids(expected.get("image_grid_thw"));
        List<Grid> sources = grids.subList(0, grids.size() - targets.size());
        ProcessedPrompt prompt = new ProcessedPrompt(new int[0], sources, targets);
        Tolerance.exact(
            golden.name(),
            target + " " + field.getKey(),
            params(
                grids,
                expected.get("max_new_tokens").asInt(),
                expected.get("large_image_start_offset").asInt(),
                expected.get("target_grid_h").asInt(),
                expected.get("target_grid_w").asInt()),
            params(
                prompt.grids(),
                prompt.maxNewTokens(),
                prompt.targetOffset(),
                prompt.target().rows(),
                prompt.target().columns()));
        if (textToImage) {
          Grid draft = targets.get(1);
          assertEquals(row.get("prev_token_h").asInt(), draft.rows());
          assertEquals(row.get("prev_token_w").asInt(), draft.columns());
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("generationParams")
  void upsampledIdsMatchTheReference(GoldenCase golden) {
    for (String name : golden.subCases()) {
      if (!golden.has(name + "/in") || !golden.has(name + "/out")) {
        continue;
      }
      String[] sides = name.substring(name.lastIndexOf('_') + 1).split("x");
      Grid grid = new Grid(Integer.parseInt(sides[0]), Integer.parseInt(sides[1]));
      Tolerance.exact(
          golden.name(),
          name,
          golden.longs(name + "/out"),
          longs(grid.upsample2(ints(golden.longs(name + "/in")))));
    }
  }

  static List<GoldenCase> tokenizer() {
    return Goldens.cases("01_tokenizer");
  }

  @ParameterizedTest
  @MethodSource("tokenizer")
  void tokenIdsMatchTheReference(GoldenCase golden) {
    List<Long> expected = new ArrayList<>();
    List<Long> actual = new ArrayList<>();
    try (PromptTokenizer tokenizer = PromptTokenizer.load(golden.checkpoint())) {
      for (JsonNode row : golden.json().get("rows")) {
        int[] ids = tokenizer.encode(row.get("text").asText());
        row.get("input_ids").forEach(id -> expected.add(id.asLong()));
        Arrays.stream(ids).forEach(id -> actual.add((long) id));
        assertEquals(row.get("decoded").asText(), tokenizer.decode(ids, false));
        assertEquals(row.get("decoded_skip_special").asText(), tokenizer.decode(ids, true));
      }
    }
    Tolerance.exact(golden.name(), "ids", longs(expected), longs(actual));
  }

  static List<GoldenCase> processor() {
    return Goldens.cases("01_processor");
  }

  @ParameterizedTest
  @MethodSource("processor")
  void batchesMatchTheReference(GoldenCase golden) throws IOException {
    try (GlmProcessor processor = GlmProcessor.load(golden.checkpoint())) {
      for (Map.Entry<String, JsonNode> entry : golden.json().get("cases").properties()) {
        new Call(golden, processor, entry.getKey(), entry.getValue()).check();
      }
    }
  }

  /** One call of the reference's processor: a batch of prompts, their images, one target size. */
  private record Call(GoldenCase golden, GlmProcessor processor, String name, JsonNode json) {
    void check() throws IOException {
      PixelSize target = new PixelSize(json.get("target_h").asInt(), json.get("target_w").asInt());
      List<Grid> grids = new ArrayList<>();
      List<Long> perSample = new ArrayList<>();
      List<SourcePixels> pixels = new ArrayList<>();
      int rows = json.get("prompts").size();
      long[] ids = golden.longs(name + "/input_ids");
      long[] mask = golden.longs(name + "/attention_mask");
      int length = ids.length / rows;
      for (int i = 0; i < rows; i++) {
        String prompt = json.get("prompts").get(i).asText();
        List<SourcePixels> sources = sources(i, pixels.size());
        pixels.addAll(sources);
        ProcessedPrompt processed =
            processor.process(prompt, sources.stream().map(SourcePixels::grid).toList(), target);
        assertEquals(
            json.get("chat_template_text").get(i).asText(),
            processor.chatText(prompt, sources.size(), target));
        // The batch is padded on the left; a row's own ids are those of the mask.
        int padding = 0;
        while (mask[i * length + padding] == 0) {
          padding++;
        }
        long[] expected = Arrays.copyOfRange(ids, i * length + padding, (i + 1) * length);
        Tolerance.exact(
            golden.name(), name + "/input_ids[" + i + "]", expected, longs(processed.inputIds()));
        String text = processor.tokenizer().decode(processed.inputIds(), false);
        assertTrue(json.get("full_text").get(i).asText().endsWith(text), text);
        grids.addAll(processed.grids());
        perSample.add((long) processed.grids().size());
      }
      Tolerance.exact(
          golden.name(),
          name + "/image_grid_thw",
          golden.longs(name + "/image_grid_thw"),
          grids.stream()
              .flatMapToLong(g -> Arrays.stream(new long[] {1, g.rows(), g.columns()}))
              .toArray());
      Tolerance.exact(
          golden.name(),
          name + "/images_per_sample",
          golden.longs(name + "/images_per_sample"),
          longs(perSample));
      if (golden.has(name + "/pixel_values")) {
        checkPixels(name + "/pixel_values", pixels);
      }
      if (golden.has(name + "/pixel_values_pil")) {
        List<SourcePixels> pillow = new ArrayList<>();
        for (int k = 0; golden.has(name + "/resized_pil_" + k); k++) {
          long[] shape = golden.shape(name + "/resized_pil_" + k);
          byte[] bytes = golden.bytes(name + "/resized_pil_" + k);
          pillow.add(
              processor.images().patches(new RgbImage((int) shape[0], (int) shape[1], bytes)));
        }
        checkPixels(name + "/pixel_values_pil", pillow);
      }
    }

    private void checkPixels(String tensor, List<SourcePixels> pixels) {
      long[] shape = golden.shape(tensor);
      assertEquals(shape[0], pixels.stream().mapToInt(p -> p.grid().size()).sum());
      assertEquals(shape[1], pixels.get(0).patchLength());
      float[] values = new float[(int) (shape[0] * shape[1])];
      int o = 0;
      for (SourcePixels p : pixels) {
        System.arraycopy(p.values(), 0, values, o, p.values().length);
        o += p.values().length;
      }
      PIXELS.check(golden.name(), tensor, golden.floats(tensor), values);
    }

    private List<SourcePixels> sources(int row, int before) throws IOException {
      List<SourcePixels> out = new ArrayList<>();
      if (json.get("images").isNull()) {
        return out;
      }
      for (JsonNode file : json.get("images").get(row)) {
        RgbImage source =
            ImageDecoder.decodeStored(
                Files.readAllBytes(Goldens.image(file.asText())),
                file.asText(),
                ImageDecoder.DEFAULT_MAX_PIXELS);
        RgbImage resized = processor.images().resize(source);
        int k = before + out.size();
        exact("resized_" + k, resized);
        exact("resized_pil_" + k, Resampler.bicubic(source, resized.height(), resized.width()));
        out.add(processor.images().process(source));
      }
      return out;
    }

    private void exact(String tensor, RgbImage actual) {
      String full = name + "/" + tensor;
      if (golden.has(full)) {
        Tolerance.exact(
            golden.name(),
            full,
            Stream.of(golden.bytes(full)).flatMapToLong(Call::widened).toArray(),
            widened(actual.pixels()).toArray());
      }
    }

    private static LongStream widened(byte[] bytes) {
      return IntStream.range(0, bytes.length).mapToLong(i -> bytes[i] & 255);
    }
  }

  private static List<Grid> grids(JsonNode thw) {
    List<Grid> out = new ArrayList<>();
    thw.forEach(g -> out.add(new Grid(g.get(1).asInt(), g.get(2).asInt())));
    return out;
  }

  private static long[] params(List<Grid> grids, long... others) {
    return LongStream.concat(
            grids.stream().flatMapToLong(g -> Arrays.stream(new long[] {g.rows(), g.columns()})),
            Arrays.stream(others))
        .toArray();
  }

  private static long[] longs(List<Long> values) {
    return values.stream().mapToLong(Long::longValue).toArray();
  }

  private static long[] longs(int[] values) {
    return Arrays.stream(values).asLongStream().toArray();
  }

  private static int[] ints(long[] values) {
    return Arrays.stream(values).mapToInt(Math::toIntExact).toArray();
  }
}
