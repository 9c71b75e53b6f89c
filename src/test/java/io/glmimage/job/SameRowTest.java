package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import ai.djl.Device;
import ai.djl.inference.Predictor;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ZooModel;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.glmimage.image.ImageDecoder;
import io.glmimage.spark.engine.CheckpointModel;
import io.glmimage.spark.ml.ImageEditor;
import java.io.ByteArrayOutputStream;
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
    String manifest = folder + "/manifest.parquet";
    spark.createDataFrame(rows, schema).coalesce(1).write().mode("overwrite").parquet(manifest);
    String output = folder + "/out";
    List<String> args = new ArrayList<>(List.of("--manifest", manifest, "--output", output));
    args.addAll(settings());
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
    Map<String, Object> request = new LinkedHashMap<>(fields);
    request.put("num_inference_steps", STEPS);
    Criteria<byte[], byte[]> criteria =
        Criteria.builder()
            .setTypes(byte[].class, byte[].class)
            .optEngine("GlmImage")
            .optModelPath(Path.of("src/main/resources/models/glm-image-tiny"))
            .optDevice(Device.cpu())
            .build();
    try (ZooModel<byte[], byte[]> model = criteria.loadModel();
        Predictor<byte[], byte[]> predictor = model.newPredictor()) {
      return pixels(predictor.predict(new ObjectMapper().writeValueAsBytes(request)));
    }
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
