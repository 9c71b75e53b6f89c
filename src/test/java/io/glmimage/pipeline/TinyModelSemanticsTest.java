package io.glmimage.pipeline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.glmimage.image.ImageDecoder;
import io.glmimage.image.RgbImage;
import io.glmimage.quality.JudgedImage;
import io.glmimage.quality.QualityFlag;
import io.glmimage.quality.QualityOptions;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import io.glmimage.tensor.Compute;
import io.glmimage.tensor.Precision;
import io.glmimage.weights.CheckpointFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * The bundled model edits as its prompts ask, through the whole pipeline: on the CPU in float32, or
 * with {@code -Dsemantics.device=cuda:N} on a GPU in bfloat16. {@code -Dsemantics.dtype=bfloat16}
 * selects bfloat16 on the CPU, {@code -Dsemantics.step-cache=X} caches steps.
 */
class TinyModelSemanticsTest {
  private static final Path MODEL = Path.of("src/main/resources/models/glm-image-tiny");

  /** The pages' figures are those of {@code -Dsemantics.scenes=60 -Dfp8.scenes=60}. */
  private static final int SCENES = Integer.getInteger("semantics.scenes", 40);

  private static final int FP8_SCENES = Integer.getInteger("fp8.scenes", 6);

  private static final double STEP_CACHE =
      Double.parseDouble(System.getProperty("semantics.step-cache", "0"));

  private static GlmImagePipeline pipeline;

  /** The edited images of scenes, which several tests look at. */
  private static final Map<Integer, RgbImage> EDITED = new HashMap<>();

  @BeforeAll
  static void load() {
    Compute usual = Compute.of(System.getProperty("semantics.device", "cpu"));
    String dtype = System.getProperty("semantics.dtype", "");
    Compute compute =
        switch (dtype) {
          case "" -> usual;
          case "bfloat16" -> new Compute(usual.device(), ScalarType.BFloat16);
          case "float32" -> new Compute(usual.device(), ScalarType.Float);
          default -> throw new IllegalArgumentException("Invalid semantics.dtype: " + dtype);
        };
    pipeline = GlmImagePipeline.load(CheckpointFolder.open(MODEL), compute);
  }

  @AfterAll
  static void close() {
    pipeline.close();
    EDITED.clear();
  }

  @Test
  void theShippedExamplesComeOutRightForSeveralSeeds() throws IOException {
    Path folder = MODEL.resolve("examples");
    JsonNode file = new ObjectMapper().readTree(folder.resolve("examples.json").toFile());
    int checked = 0;
    for (JsonNode example : file.get("examples")) {
      RgbImage source =
          ImageDecoder.decode(
              Files.readAllBytes(folder.resolve(example.get("source").asText())), "example");
      for (long seed = 0; seed < 3; seed++) {
        RgbImage out = edit(example.get("prompt").asText(), source, seed);
        String what = example.get("prompt").asText() + ", seed " + seed;
        assertEquals(example.get("height").asInt(), out.height(), what);
        assertEquals(example.get("width").asInt(), out.width(), what);
        assertEquals(
            example.get("expected_color").asText(), colourIn(out, example.get("probe")), what);
        assertEquals(
            example.get("unchanged_color").asText(),
            colourIn(out, example.get("unchanged_probe")),
            what + ", unchanged");
        checked++;
      }
    }
    assertTrue(checked >= 18, "only " + checked + " images were checked");
  }

  @Test
  void newScenesAreEditedAsAsked() {
    List<String> wrong = new ArrayList<>();
    List<Double> kept = new ArrayList<>();
    List<String> accused = new ArrayList<>();
    int found = 0;
    for (int i = 0; i < SCENES; i++) {
      Scene scene = new Scene(i, 128);
      RgbImage source = scene.draw();
      RgbImage out = edited(i);
      QualityFlag flag = flag(source, out);
      if (!scene.right(out)) {
        wrong.add(scene.toString());
        found += flag == QualityFlag.OK ? 0 : 1;
      } else if (flag != QualityFlag.OK) {
        accused.add(flag + " " + scene);
      }
      assertEquals(QualityFlag.UNCHANGED, flag(source, source), scene::toString);
      double decibels = scene.keptDecibels(source, out);
      if (!Double.isNaN(decibels)) {
        kept.add(decibels);
      }
    }
    double[] sorted = kept.stream().mapToDouble(Double::doubleValue).sorted().toArray();
    double median = sorted[sorted.length / 2];
    System.out.printf(
        "semantics  %s, step cache %s: %d of %d scenes right; kept part %.1f dB median, %.1f dB"
            + " lowest; wrong: %s%n",
        pipeline.description(),
        STEP_CACHE,
        SCENES - wrong.size(),
        SCENES,
        median,
        sorted[0],
        wrong);
    System.out.printf(
        "semantics  flags find %d of %d wrong scenes and accuse %d right ones: %s%n",
        found, wrong.size(), accused.size(), accused);
    assertTrue(wrong.size() <= 0.08 * SCENES, "Wrong: " + wrong);
    assertTrue(accused.size() <= 0.04 * SCENES, "Right, but flagged: " + accused);
    assertTrue(median >= 30, "Kept: " + median + " dB in the median, " + Arrays.toString(sorted));
  }

  /** With products in 8 bits, scenes are edited as asked, and most images resemble float32's. */
  @Test
  void scenesComeOutRightInFp8() {
    List<String> wrong = new ArrayList<>();
    double[] decibels = new double[FP8_SCENES];
    try (GlmImagePipeline fp8 =
        GlmImagePipeline.load(
            CheckpointFolder.open(MODEL), Compute.cpu().withPrecision(Precision.FP8))) {
      for (int i = 0; i < FP8_SCENES; i++) {
        Scene scene = new Scene(i, 128);
        RgbImage source = scene.draw();
        RgbImage out = edit(fp8, scene.prompt, source, i);
        decibels[i] = Likeness.decibels(edited(i).pixels(), out.pixels());
        if (!scene.right(out)) {
          wrong.add(scene.toString());
        }
      }
    }
    Arrays.sort(decibels);
    double median = decibels[FP8_SCENES / 2];
    System.out.printf(
        "semantics  fp8: %d of %d scenes right; to float32's images %.1f dB median, %.1f dB lowest,"
            + " %.1f dB highest; wrong: %s%n",
        FP8_SCENES - wrong.size(),
        FP8_SCENES,
        median,
        decibels[0],
        decibels[FP8_SCENES - 1],
        wrong);
    assertTrue(wrong.size() <= 1 + 0.08 * FP8_SCENES, "Wrong: " + wrong);
    assertTrue(median >= 20, "To float32's: " + median + " dB, " + Arrays.toString(decibels));
  }

  private static RgbImage edited(int number) {
    Scene scene = new Scene(number, 128);
    return EDITED.computeIfAbsent(number, n -> edit(scene.prompt, scene.draw(), n));
  }

  private static QualityFlag flag(RgbImage source, RgbImage edited) {
    return QualityOptions.DEFAULT
        .limits()
        .flag(JudgedImage.of(source, edited, /* keepUnchanged= */ false).figures());
  }

  private static RgbImage edit(String prompt, RgbImage source, long seed) {
    return edit(pipeline, prompt, source, seed);
  }

  private static RgbImage edit(
      GlmImagePipeline pipeline, String prompt, RgbImage source, long seed) {
    EditRequest request =
        new EditRequest("scene", prompt, List.of(source), null, null, 20, 1.5, seed, STEP_CACHE);
    EditResult result = pipeline.edit(List.of(request)).get(0);
    assertNull(result.error(), () -> prompt + ": " + result.error());
    return result.image();
  }

  /** The palette colour nearest to the mean of {@code box = [x0, y0, x1, y1)}. */
  private static String colourIn(RgbImage image, JsonNode box) {
    double[] mean = new double[3];
    int count = 0;
    for (int y = box.get(1).asInt(); y < box.get(3).asInt(); y++) {
      for (int x = box.get(0).asInt(); x < box.get(2).asInt(); x++) {
        for (int c = 0; c < 3; c++) {
          mean[c] += image.pixels()[(y * image.width() + x) * 3 + c] & 255;
        }
        count++;
      }
    }
    for (int c = 0; c < 3; c++) {
      mean[c] /= count;
    }
    return Scene.nearest(mean);
  }
}
