package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.inference.Predictor;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ZooModel;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.glmimage.image.ImageDecoder;
import io.glmimage.pipeline.TestAdapter;
import io.glmimage.spark.engine.CheckpointModel;
import io.glmimage.spark.ml.ImageEditor;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import javax.imageio.ImageIO;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The same row gives the same image in the job, in {@link ImageEditor} and in DJL. */
@Tag("spark")
@Tag("djl")
class SameRowTest extends SharedSession {
  private static final int STEPS = 1;
  private static final int SIDE = 64;
  private static final StructType SCHEMA =
      new StructType()
          .add("id", DataTypes.StringType)
          .add("image_paths", DataTypes.StringType)
          .add("prompt", DataTypes.StringType)
          .add("seed", DataTypes.LongType);

  private String source() throws Exception {
    return Files.write(folder.resolve("source.png"), JobConsole.png(SIDE, SIDE, 90)).toString();
  }

  private List<String> settings() {
    return List.of("--device=cpu", "--steps=" + STEPS, "--height=" + SIDE, "--width=" + SIDE);
  }

  /** The pixels that the job gives, by the prompts of the rows. */
  private Map<String, byte[]> job(StructType schema, List<Row> rows, String... more)
      throws Exception {
    List<String> args = new ArrayList<>(settings());
    args.addAll(List.of(more));
    return run(schema, rows, args.toArray(String[]::new));
  }

  private Map<String, byte[]> run(StructType schema, List<Row> rows, String... more)
      throws Exception {
    String manifest = folder + "/manifest.parquet";
    spark.createDataFrame(rows, schema).coalesce(1).write().mode("overwrite").parquet(manifest);
    String output = folder + "/out";
    List<String> args = new ArrayList<>(List.of("--manifest", manifest, "--output", output));
    args.addAll(List.of(more));
    ByteArrayOutputStream log = new ByteArrayOutputStream();
    PrintStream stream = new PrintStream(log, true, StandardCharsets.UTF_8);
    int code = EditImagesJob.run(args, CheckpointModel::new, stream, stream, false);
    assertEquals(0, code, () -> log.toString(StandardCharsets.UTF_8));
    Map<String, byte[]> images = new TreeMap<>();
    for (Row row : JobConsole.results(spark, output).values()) {
      String path = row.<String>getAs("output_path").substring("file:".length());
      images.put(row.getAs("prompt"), pixels(Files.readAllBytes(Path.of(path))));
    }
    return images;
  }

  private static byte[] pixels(byte[] file) {
    return ImageDecoder.decode(file, "edited").pixels();
  }

  private static ImageEditor editor() {
    return new ImageEditor()
        .setDevice("cpu")
        .setNumInferenceSteps(STEPS)
        .setHeight(SIDE)
        .setWidth(SIDE);
  }

  private static Map<String, byte[]> edited(ImageEditor editor, StructType schema, List<Row> rows) {
    Map<String, byte[]> images = new TreeMap<>();
    for (Row row : editor.transform(spark.createDataFrame(rows, schema)).collectAsList()) {
      assertEquals("OK", row.getAs("status"), () -> row.getAs("error"));
      images.put(row.getAs("prompt"), pixels(row.getAs("edited")));
    }
    return images;
  }

  /** The pixels that DJL gives for a JSON request with these fields. */
  private static byte[] djl(Map<String, Object> fields) throws Exception {
    return pixels(djl("", fields));
  }

  /**
   * @param query of the model's URL
   */
  private static byte[] djl(String query, Map<String, Object> fields) throws Exception {
    Map<String, Object> request = new LinkedHashMap<>(fields);
    request.put("num_inference_steps", STEPS);
    Criteria<byte[], byte[]> criteria =
        Criteria.builder()
            .setTypes(byte[].class, byte[].class)
            .optEngine("GlmImage")
            .optModelUrls(
                Path.of("src/main/resources/models/glm-image-tiny").toAbsolutePath().toUri()
                    + query)
            .optDevice(Device.cpu())
            .build();
    try (ZooModel<byte[], byte[]> model = criteria.loadModel();
        Predictor<byte[], byte[]> predictor = model.newPredictor()) {
      return predictor.predict(new ObjectMapper().writeValueAsBytes(request));
    }
  }

  private static final StructType MASKED = SCHEMA.add("mask_path", DataTypes.StringType);

  /** A source of an odd size that is half transparent, and a mask of its left part. */
  private List<Row> oddRows() throws Exception {
    BufferedImage image = new BufferedImage(75, 50, BufferedImage.TYPE_INT_ARGB);
    BufferedImage mask = new BufferedImage(75, 50, BufferedImage.TYPE_INT_RGB);
    for (int y = 0; y < 50; y++) {
      for (int x = 0; x < 75; x++) {
        image.setRGB(x, y, (y < 25 ? 0xff000000 : 0) | (x * 3) << 16 | (y * 5) << 8 | (x ^ y));
        mask.setRGB(x, y, x < 40 ? 0xffffff : 0);
      }
    }
    String source = folder.resolve("odd.png").toString();
    String part = folder.resolve("mask.png").toString();
    assertTrue(ImageIO.write(image, "png", new File(source)));
    assertTrue(ImageIO.write(mask, "png", new File(part)));
    return List.of(
        RowFactory.create("r1", source, "make it green", 7L, part),
        RowFactory.create("r2", source, "make it red", null, null));
  }

  private static ImageEditor oddEditor() {
    return new ImageEditor()
        .setDevice("cpu")
        .setNumInferenceSteps(STEPS)
        .setInputCols("image_paths")
        .setMaskCol("mask_path")
        .setIdCol("id")
        .setSeedCol("seed");
  }

  /** The figures of a run's rows, as the column of {@link ImageEditor} has them, by prompt. */
  private Map<String, List<Object>> figures(Dataset<Row> rows, String prefix) {
    Map<String, List<Object>> figures = new TreeMap<>();
    String[] names = {"quality", "changed_fraction", "ssim", "psnr", "flatness", "scale", "seed"};
    String[] columns = Arrays.stream(names).map(name -> prefix + name).toArray(String[]::new);
    for (Row row : rows.select("prompt", columns).collectAsList()) {
      List<Object> values = new ArrayList<>();
      for (int i = 1; i <= names.length; i++) {
        values.add(row.get(i));
      }
      figures.put(row.getString(0), values);
    }
    return figures;
  }

  @Test
  void masksAdaptersAndOddSizesAgreeEverywhere() throws Exception {
    List<Row> rows = oddRows();
    String adapter = TestAdapter.write(folder.resolve("adapter"), 3) + "=0.5";
    Map<String, byte[]> job =
        run(MASKED, rows, "--device=cpu", "--steps=" + STEPS, "--lora=" + adapter);

    Dataset<Row> edited =
        oddEditor().setLora(adapter).transform(spark.createDataFrame(rows, MASKED)).cache();
    for (Row row : edited.collectAsList()) {
      assertEquals("OK", row.getAs("status"), () -> row.getAs("error"));
      assertArrayEquals(job.get(row.<String>getAs("prompt")), pixels(row.getAs("edited")));
    }
    Map<String, List<Object>> figures = figures(edited, "figures.");
    assertEquals(figures(spark.read().parquet(folder + "/out/results"), ""), figures);

    byte[] image = Files.readAllBytes(folder.resolve("odd.png"));
    byte[] mask = Files.readAllBytes(folder.resolve("mask.png"));
    byte[] file =
        djl(
            "?lora=" + adapter,
            Map.of(
                "prompt",
                "make it green",
                "seed",
                7,
                "image",
                Base64.getEncoder().encodeToString(image),
                "mask",
                Base64.getEncoder().encodeToString(mask)));
    assertArrayEquals(job.get("make it green"), pixels(file));
    String text = new String(file, StandardCharsets.ISO_8859_1);
    Object changed = figures.get("make it green").get(1);
    assertTrue(text.contains("Figures\0{\"quality\":"), "no figures in the PNG");
    assertTrue(text.contains("\"changed_fraction\":" + changed + ","), changed.toString());

    // The mask and the adapter decide something, and the size is that of the source.
    assertEquals(75 * 50 * 3, job.get("make it green").length);
    Map<String, Object> plain =
        Map.of(
            "prompt",
            "make it green",
            "seed",
            7,
            "image",
            Base64.getEncoder().encodeToString(image));
    byte[] unmasked = djl("?lora=" + adapter, plain);
    assertFalse(Arrays.equals(job.get("make it green"), pixels(unmasked)));
    assertFalse(Arrays.equals(pixels(unmasked), djl(plain)));
  }

  @Test
  void optionsThatDecideAnImageAgreeInTheJobAndTheEditor() throws Exception {
    List<Row> rows = oddRows();
    Map<String, byte[]> job =
        run(
            MASKED,
            rows,
            "--device=cpu",
            "--steps=" + STEPS,
            "--guidance=2.5",
            "--seed=5",
            "--max-pixels=2048",
            "--large-sources=upscale",
            "--colour=ignore",
            "--transparency=#ff8000",
            "--min-change=0.9",
            "--max-change=1",
            "--retry-flagged=1",
            "--keep-unchanged");
    Dataset<Row> edited =
        oddEditor()
            .setGuidanceScale(2.5)
            .setSeed(5)
            .setMaxPixels(2048)
            .setLargeSources("upscale")
            .setColour("ignore")
            .setTransparency("#ff8000")
            .setMinChange(0.9)
            .setMaxChange(1)
            .setRetryFlagged(1)
            .setKeepUnchanged(true)
            .transform(spark.createDataFrame(rows, MASKED))
            .cache();
    for (Row row : edited.collectAsList()) {
      assertEquals("OK", row.getAs("status"), () -> row.getAs("error"));
      assertArrayEquals(job.get(row.<String>getAs("prompt")), pixels(row.getAs("edited")));
    }
    assertEquals(
        figures(spark.read().parquet(folder + "/out/results"), ""), figures(edited, "figures."));
  }

  @Test
  void rowsWithASeedOrAnIdAgreeEverywhere() throws Exception {
    String path = source();
    List<Row> rows =
        List.of(
            RowFactory.create("r1", path, "make it green", 7L),
            RowFactory.create("r2", path, "make it red", null));

    Map<String, byte[]> job = job(SCHEMA, rows);
    Map<String, byte[]> editor =
        edited(
            editor().setInputCols("image_paths").setIdCol("id").setSeedCol("seed"), SCHEMA, rows);
    String image = Base64.getEncoder().encodeToString(Files.readAllBytes(Path.of(path)));
    Map<String, Object> size = Map.of("height", SIDE, "width", SIDE, "image", image);
    Map<String, Object> seeded = new LinkedHashMap<>(size);
    seeded.putAll(Map.of("prompt", "make it green", "seed", 7));
    Map<String, Object> named = new LinkedHashMap<>(size);
    named.putAll(Map.of("prompt", "make it red", "id", "r2"));

    assertArrayEquals(job.get("make it green"), editor.get("make it green"));
    assertArrayEquals(job.get("make it red"), editor.get("make it red"));
    assertArrayEquals(job.get("make it green"), djl(seeded));
    assertArrayEquals(job.get("make it red"), djl(named));
    assertFalse(Arrays.equals(job.get("make it green"), job.get("make it red")));
  }

  @Test
  void rowsWithPathsOnlyAgreeInTheJobAndTheEditor() throws Exception {
    StructType schema =
        new StructType()
            .add("image_paths", DataTypes.createArrayType(DataTypes.StringType))
            .add("prompt", DataTypes.StringType);
    List<Row> rows = List.of(RowFactory.create(List.of(source()), "make it green"));
    assertArrayEquals(
        job(schema, rows, "--seed=5").get("make it green"),
        edited(editor().setInputCols("image_paths").setSeed(5), schema, rows).get("make it green"));
  }

  @Test
  void textToImageAgreesEverywhere() throws Exception {
    StructType schema =
        new StructType()
            .add("image_paths", DataTypes.StringType)
            .add("prompt", DataTypes.StringType)
            .add("height", DataTypes.IntegerType)
            .add("width", DataTypes.IntegerType)
            .add("num_inference_steps", DataTypes.IntegerType);
    List<Row> sized = List.of(RowFactory.create(null, "a green circle", SIDE, SIDE, STEPS));
    byte[] job = job(schema, sized).get("a green circle");
    assertArrayEquals(job, djl(Map.of("prompt", "a green circle", "height", SIDE, "width", SIDE)));

    // The size of the editor is an option, not a field of the row.
    StructType plain =
        new StructType()
            .add("image_paths", DataTypes.StringType)
            .add("prompt", DataTypes.StringType);
    List<Row> rows = List.of(RowFactory.create(null, "a green circle"));
    assertArrayEquals(
        job(plain, rows, "--overwrite").get("a green circle"),
        edited(editor(), plain, rows).get("a green circle"));
  }
}
