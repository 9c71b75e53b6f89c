package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.glmimage.image.ImageDecoder;
import io.glmimage.image.ImageEncoder;
import io.glmimage.image.RgbImage;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import javax.imageio.ImageIO;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Masks of every manifest format, with the real engine: the right half of a drawn scene may change,
 * and the rest stays as it is.
 */
@Tag("spark")
class MaskJobTest extends SharedSession {
  private static final int SIDE = 128;
  private static final String PROMPT = "Change the background to green";

  private final JobConsole job = new JobConsole();
  private RgbImage source;

  /** A yellow scene with a blue square on the left and on the right. */
  private static RgbImage scene() {
    byte[] pixels = new byte[SIDE * SIDE * 3];
    int[] blue = {40, 80, 220};
    int[] yellow = {245, 220, 50};
    for (int i = 0; i < SIDE * SIDE; i++) {
      int x = i % SIDE % (SIDE / 2) - SIDE / 4;
      boolean inside = Math.abs(x) < SIDE / 9 && Math.abs(i / SIDE - SIDE / 2) < SIDE / 5;
      for (int c = 0; c < 3; c++) {
        pixels[3 * i + c] = (byte) (inside ? blue : yellow)[c];
      }
    }
    return new RgbImage(SIDE, SIDE, pixels);
  }

  /** A mask of the right half: white on black, or a hole in an opaque image. */
  private void mask(String name, boolean hole) throws IOException {
    BufferedImage mask = new BufferedImage(SIDE, SIDE, BufferedImage.TYPE_INT_ARGB);
    for (int i = 0; i < SIDE * SIDE; i++) {
      boolean right = i % SIDE >= SIDE / 2;
      int colour = hole ? (right ? 0 : 0xFFFFFFFF) : (right ? 0xFFFFFFFF : 0xFF000000);
      mask.setRGB(i % SIDE, i / SIDE, colour);
    }
    ImageIO.write(mask, "png", folder.resolve(name).toFile());
  }

  private String parquet() {
    StructType schema = new StructType();
    for (String column : List.of("id", "prompt", "image_paths", "mask_path")) {
      schema = schema.add(column, DataTypes.StringType);
    }
    String manifest = folder + "/rows.parquet";
    List<Row> rows =
        List.of(
            RowFactory.create("a", PROMPT, "scene.png", "white.png"),
            RowFactory.create("free", PROMPT, "scene.png", null),
            RowFactory.create("wrong", PROMPT, "scene.png", "small.png"));
    spark.createDataFrame(rows, schema).coalesce(1).write().parquet(manifest);
    return manifest;
  }

  private String text(String name, String text) throws IOException {
    return Files.writeString(folder.resolve(name), text).toString();
  }

  private Map<String, Row> edit(int code, String manifest) {
    String output = manifest + "-out";
    List<String> args =
        new ArrayList<>(List.of("edit", "--manifest", manifest, "--output", output));
    args.addAll(List.of("--steps=12", "--seed=4", "--device=cpu"));
    assertEquals(code, job.real(args), job::err);
    return JobConsole.results(spark, output);
  }

  private static RgbImage image(Row row) throws IOException {
    assertEquals("OK", row.getAs("status"), () -> row.getAs("error"));
    String path = row.getAs("output_path");
    return ImageDecoder.decode(
        Files.readAllBytes(Path.of(path.replaceFirst("^file:/+", "/"))), path);
  }

  private void requireMasked(RgbImage edited) {
    for (int y = 0; y < SIDE; y++) {
      int from = y * SIDE * 3;
      assertArrayEquals(
          Arrays.copyOfRange(source.pixels(), from, from + SIDE * 3 / 2),
          Arrays.copyOfRange(edited.pixels(), from, from + SIDE * 3 / 2),
          "the left half of line " + y);
    }
    assertTrue(isGreen(edited, 3 * SIDE / 4), "the background on the right");
  }

  /** Whether the background above the middle of a half is greener than red. */
  private static boolean isGreen(RgbImage image, int x) {
    int at = (8 * SIDE + x) * 3;
    return (image.pixels()[at + 1] & 255) > (image.pixels()[at] & 255) + 40;
  }

  @Test
  void theRequestedRegionChangesAndTheRestIsTheSourceInEveryFormat() throws IOException {
    source = scene();
    Files.write(folder.resolve("scene.png"), ImageEncoder.png(source));
    Files.write(folder.resolve("small.png"), JobConsole.png(32, SIDE, 255));
    mask("white.png", false);
    mask("hole.png", true);

    Map<String, Row> rows = edit(2, parquet());
    RgbImage masked = image(rows.get("a"));
    requireMasked(masked);
    assertTrue(rows.get("a").<String>getAs("mask_path").endsWith("/white.png"));
    assertTrue(rows.get("a").<Double>getAs("changed_fraction") <= 0.5);
    assertTrue(isGreen(image(rows.get("free")), SIDE / 4), "without a mask all changes");
    assertEquals("IMAGE_INVALID", rows.get("wrong").getAs("error_class"));
    assertTrue(
        rows.get("wrong").<String>getAs("error").contains("it is 128 x 32 pixels"),
        rows.get("wrong").<String>getAs("error"));

    String csv = "id,prompt,image_paths,mask_path\na," + PROMPT + ",scene.png,white.png\n";
    RgbImage ofCsv = image(edit(0, text("rows.csv", csv)).get("a"));
    assertArrayEquals(masked.pixels(), ofCsv.pixels());

    String line =
        "{\"id\": \"a\", \"prompt\": \"%s\", \"image_paths\": \"scene.png\","
            + " \"mask_path\": \"transparent:hole.png\"}\n";
    RgbImage ofLines = image(edit(0, text("rows.jsonl", line.formatted(PROMPT))).get("a"));
    assertArrayEquals(masked.pixels(), ofLines.pixels());

    String request =
        "{\"custom_id\": \"a\", \"method\": \"POST\", \"url\": \"/v1/images/edits\", \"body\":"
            + " {\"prompt\": \"%s\", \"image\": \"scene.png\", \"mask\": \"hole.png\"}}\n";
    Map<String, Row> batch = edit(0, text("batch.jsonl", request.formatted(PROMPT)));
    requireMasked(image(batch.values().iterator().next()));
    String answer = Files.readString(folder.resolve("batch.jsonl-out/output.jsonl"));
    assertTrue(answer.contains("\"custom_id\":\"a\""), answer);
  }
}
