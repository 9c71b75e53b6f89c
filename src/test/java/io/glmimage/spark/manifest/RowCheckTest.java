package io.glmimage.spark.manifest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.error.UsageException;
import io.glmimage.image.ImageEncoder;
import io.glmimage.image.Mask;
import io.glmimage.image.RgbImage;
import io.glmimage.image.SourceOptions;
import io.glmimage.io.HadoopSettings;
import io.glmimage.manifest.EditDefaults;
import io.glmimage.manifest.FieldValues;
import io.glmimage.manifest.ManifestField;
import io.glmimage.manifest.ManifestRow;
import io.glmimage.manifest.RowFingerprint;
import io.glmimage.manifest.RowReader;
import io.glmimage.model.processor.OutputSize;
import io.glmimage.plan.GpuCost;
import io.glmimage.request.LargeSources;
import io.glmimage.request.Solver;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The checks of single rows, without Spark. */
class RowCheckTest {
  private static final HadoopSettings HADOOP = new HadoopSettings(new Configuration());

  private static final GpuCost COST = GpuCost.of(GpuCost.DEFAULT);
  private static final OutputSize SIZING = OutputSize.ofAnyCheckpoint();

  @TempDir private Path folder;

  @BeforeEach
  void images() throws IOException {
    image("a.png", 64, 128);
    image("wide.png", 32, 192);
    image("large.png", 1024, 1056);
    Files.writeString(folder.resolve("broken.png"), "no image");
  }

  private void image(String name, int height, int width) throws IOException {
    RgbImage image = new RgbImage(height, width, new byte[height * width * 3]);
    Files.createDirectories(folder.resolve(name).getParent());
    Files.write(folder.resolve(name), ImageEncoder.png(image));
  }

  private Findings check(boolean sources, Map<ManifestField, Object> fields) {
    Map<ManifestField, Object> row = new EnumMap<>(ManifestField.class);
    row.put(ManifestField.PROMPT, "p");
    row.putAll(fields);
    RowReader reader = new RowReader(LocalSpark.DEFAULTS, folder.toString());
    return new ManifestCheck.RowCheck(LocalSpark.DEFAULTS, HADOOP, List.of(), sources, SIZING, COST)
        .check(reader.read(0, "r", FieldValues.of(row)));
  }

  private Findings withSource(String name) {
    return check(true, Map.of(ManifestField.IMAGE_PATHS, name));
  }

  private static void assertBad(String errorClass, String message, Findings found) {
    assertEquals(Map.of(errorClass, 1L), found.badByClass());
    String example = found.examples().get(errorClass).get(0);
    assertTrue(example.contains(message), example);
  }

  @Test
  void theOutputSizeIsThatOfTheFirstSource() {
    Findings found = withSource("a.png");
    assertEquals(0, found.bad());
    assertEquals(1, found.sized());
    // Two passes with guidance, 20 steps.
    assertEquals(64 * 128 / 1e6 * 20 * 2, found.megapixelSteps(), 1e-12);
  }

  @Test
  void withoutSourcesOnlyGivenSizesAreKnown() {
    Map<ManifestField, Object> path = Map.of(ManifestField.IMAGE_PATHS, "none.png");
    assertEquals(0, check(false, path).sized());
    Map<ManifestField, Object> sized =
        Map.of(
            ManifestField.IMAGE_PATHS,
            "none.png",
            ManifestField.HEIGHT,
            64,
            ManifestField.WIDTH,
            64,
            ManifestField.GUIDANCE_SCALE,
            1);
    assertEquals(64 * 64 / 1e6 * 20, check(false, sized).megapixelSteps(), 1e-12);
    assertEquals(1024 * 1024 / 1e6 * 40, check(false, Map.of()).megapixelSteps(), 1e-9);
  }

  @Test
  void namesTheSourceThatCannotBeUsed() {
    assertBad("IMAGE_NOT_FOUND", "/none.png does not exist", withSource("none.png"));
    assertBad("IMAGE_INVALID", "broken.png", withSource("broken.png"));
    assertBad(
        "IMAGE_INVALID", "data:image/png;base64,... (", withSource("data:image/png;base64,!"));
  }

  @Test
  void refusesSizesThatTheModelRefuses() {
    assertBad("REQUEST_REFUSED", "aspect ratio", withSource("wide.png"));
    assertEquals(0, withSource("large.png").bad());
    assertBad(
        "INVALID_ROW",
        "1024 x 1056 has 1081344 pixels",
        check(
            true,
            Map.of(
                ManifestField.IMAGE_PATHS,
                "a.png",
                ManifestField.HEIGHT,
                1056,
                ManifestField.WIDTH,
                1024)));
  }

  @Test
  void refusesLargeSourcesIfAskedTo() {
    EditDefaults fail =
        new EditDefaults(
            7, 20, 1.5, null, null, 1 << 20, 0, Solver.EULER, null, true, LargeSources.FAIL);
    Map<ManifestField, Object> row =
        Map.of(ManifestField.PROMPT, "p", ManifestField.IMAGE_PATHS, "large.png");
    Findings found =
        new ManifestCheck.RowCheck(fail, HADOOP, List.of(), true, SIZING, COST)
            .check(new RowReader(fail, folder.toString()).read(0, "r", FieldValues.of(row)));
    assertBad("INVALID_ROW", "1056 x 1024 has 1081344 pixels", found);
  }

  @Test
  void estimatesTheSizeThatIsGenerated() throws IOException {
    image("odd.png", 90, 120);
    assertEquals(96 * 128 / 1e6 * 40, withSource("odd.png").megapixelSteps(), 1e-12);
    // At most 2^20 pixels: 1008 x 1040.
    assertEquals(1024 * 1056 / 1e6 * 40, withSource("large.png").megapixelSteps(), 0.05 * 40);
  }

  private ManifestRow masked(String image, String mask) {
    Map<ManifestField, Object> row =
        Map.of(
            ManifestField.PROMPT,
            "p",
            ManifestField.IMAGE_PATHS,
            image,
            ManifestField.MASK_PATH,
            mask);
    RowReader reader = new RowReader(LocalSpark.DEFAULTS, folder.toString());
    return (ManifestRow) reader.read(0, "r", FieldValues.of(row));
  }

  @Test
  void masksAreReadWithTheirRowAndCountAsSources() throws Exception {
    byte[] pixels = new byte[64 * 128 * 3];
    Arrays.fill(pixels, 0, 64 * 3, (byte) 255);
    Path file = folder.resolve("mask.png");
    Files.write(file, ImageEncoder.png(new RgbImage(64, 128, pixels)));
    ManifestRow row = masked("a.png", "mask.png");
    SourceReader.Read read =
        new SourceReader(HADOOP.storage(), LocalSpark.DEFAULTS, SourceOptions.DEFAULT, List.of())
            .request(row);
    Mask mask = read.request().mask();
    assertEquals(List.of(64, 128), List.of(mask.height(), mask.width()));
    assertTrue(mask.edited()[0] && mask.edited()[63] && !mask.edited()[64]);
    assertEquals(read.fingerprint(), SourceReader.fingerprint(row, HADOOP.storage()));
    assertNotEquals(
        read.fingerprint(), SourceReader.fingerprint(masked("a.png", "a.png"), HADOOP.storage()));
    assertNotEquals(RowFingerprint.of(row, "m"), RowFingerprint.of(masked("a.png", "a.png"), "m"));
  }

  @Test
  void masksThatCannotBeUsedFailTheirRow() {
    SourceReader reader =
        new SourceReader(HADOOP.storage(), LocalSpark.DEFAULTS, SourceOptions.DEFAULT, List.of());
    Map<String, String> reasons =
        Map.of(
            "a.png", "the mask: it is empty, so nothing may be edited",
            "transparent:a.png", "it has no transparent pixel",
            "wide.png", "it is 192 x 32 pixels, but the first source image is 128 x 64",
            "none.png", "none.png does not exist (check mask_path",
            "broken.png", "broken.png");
    reasons.forEach(
        (mask, reason) -> {
          String message =
              assertThrows(RowFailure.class, () -> reader.request(masked("a.png", mask)))
                  .getMessage();
          assertTrue(message.contains(reason), message);
        });
    Findings found =
        new ManifestCheck.RowCheck(LocalSpark.DEFAULTS, HADOOP, List.of(), true, SIZING, COST)
            .check(masked("a.png", "wide.png"));
    assertBad("IMAGE_INVALID", "it is 192 x 32 pixels", found);
    assertBad(
        "INVALID_ROW", "no source image", check(false, Map.of(ManifestField.MASK_PATH, "a.png")));
    assertBad(
        "INVALID_ROW",
        "mask_path holds",
        check(
            false,
            Map.of(
                ManifestField.IMAGE_PATHS, "a.png", ManifestField.MASK_PATH, "https://x/m.png")));
  }

  @Test
  void rejectedRowsAreBad() {
    assertBad("INVALID_ROW", "steps", check(false, Map.of(ManifestField.NUM_INFERENCE_STEPS, 0)));
  }

  @Test
  void findingsAddUpAndKeepFewExamples() {
    Findings all = Findings.NONE;
    for (int i = 0; i < 110; i++) {
      all = all.and(withSource("none.png")).and(withSource("a.png"));
    }
    assertEquals(220, all.rows());
    assertEquals(110, all.bad());
    assertEquals(110, all.sized());
    assertEquals(100, all.examples().get("IMAGE_NOT_FOUND").size());
    assertEquals(List.of("IMAGE_NOT_FOUND"), List.copyOf(all.examples().keySet()));
  }

  @Test
  void filesOutsideTheAllowedFoldersFailTheirRow() throws Exception {
    image("in/a.png", 64, 64);
    image("in-secret/a.png", 64, 64);
    Files.createSymbolicLink(folder.resolve("in/out.png"), folder.resolve("a.png"));
    Files.createSymbolicLink(folder.resolve("in/up"), folder);
    Files.createSymbolicLink(folder.resolve("link"), folder.resolve("in"));
    for (String allowed :
        List.of(folder + "/in", "file:" + folder + "/./x/../in/", folder + "/link")) {
      for (String inside : List.of("in/a.png", "link/a.png", "in/up/in/a.png", "in/../in//a.png")) {
        assertEquals(0, allowing(List.of("s3a://b", allowed), inside, null).bad(), inside);
      }
      for (String outside :
          List.of(
              "a.png",
              "in-secret/a.png",
              "in/../a.png",
              "in/out.png",
              "in/up/a.png",
              "file://" + folder + "/in/%2e%2e/a.png",
              "s3a://bucket/a.png",
              "s3a://b/../bucket/in/a.png",
              "hdfs://host" + folder + "/in/a.png")) {
        assertBad(
            "INVALID_ROW",
            "is outside the folders of --allow-input: " + allowed,
            allowing(List.of(allowed), outside, null));
      }
      assertBad(
          "INVALID_ROW", "a.png is outside the", allowing(List.of(allowed), "in/a.png", "a.png"));
    }
    SourceReader reader =
        new SourceReader(
            HADOOP.storage(),
            LocalSpark.DEFAULTS,
            SourceOptions.DEFAULT.allowing(List.of(folder + "/in")),
            List.of());
    assertEquals(1, reader.request(masked("in/a.png", whiteMask())).request().sources().size());
    RowFailure failure =
        assertThrows(RowFailure.class, () -> reader.request(masked("in/a.png", "a.png")));
    assertEquals(
        folder + "/a.png is outside the folders of --allow-input: " + folder + "/in",
        failure.getMessage());
  }

  @Test
  void allowedFoldersOfObjectStoresAreComparedByWholeNames() {
    List<String> allowed = List.of("s3a://bucket/in", "s3a://all");
    for (String inside :
        List.of("s3a://bucket/in/a.png", "s3a://bucket/x/../in/y/a.png", "s3a://all/a.png")) {
      assertEquals(0, allowing(false, allowed, inside, null).bad(), inside);
    }
    for (String outside :
        List.of(
            "s3a://bucket/in-secret/a.png",
            "s3a://bucket/in/../a.png",
            "s3a://bucket/in/x/../../../bucket/b.png",
            "s3a://other/in/a.png",
            "s3a://user@bucket/in/a.png",
            "s3a://bucket/IN/a.png",
            folder + "/a.png")) {
      assertBad("INVALID_ROW", "is outside the", allowing(false, allowed, outside, null));
    }
  }

  @Test
  void anEmptyAllowedFolderIsRefused() {
    assertEquals(
        "Invalid --allow-input: it is empty, expected a folder",
        assertThrows(UsageException.class, () -> SourceOptions.DEFAULT.allowing(List.of("/a", " ")))
            .getMessage());
  }

  private Findings allowing(List<String> allowed, String image, String mask) {
    return allowing(true, allowed, image, mask);
  }

  private Findings allowing(boolean sources, List<String> allowed, String image, String mask) {
    Map<ManifestField, Object> row = new EnumMap<>(ManifestField.class);
    row.put(ManifestField.PROMPT, "p");
    row.put(ManifestField.IMAGE_PATHS, image);
    row.put(ManifestField.MASK_PATH, mask);
    return new ManifestCheck.RowCheck(LocalSpark.DEFAULTS, HADOOP, allowed, sources, SIZING, COST)
        .check(
            new RowReader(LocalSpark.DEFAULTS, folder.toString())
                .read(0, "r", FieldValues.of(row)));
  }

  private static String whiteMask() {
    byte[] white = new byte[64 * 64 * 3];
    Arrays.fill(white, (byte) 255);
    return "data:image/png;base64,"
        + Base64.getEncoder().encodeToString(ImageEncoder.png(new RgbImage(64, 64, white)));
  }
}
