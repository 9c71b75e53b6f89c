package io.glmimage.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.inference.Predictor;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ZooModel;
import io.glmimage.image.ImageDecoder;
import io.glmimage.pipeline.TestAdapter;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import java.io.StringWriter;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.tools.ToolProvider;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * The examples of the page about the API are compiled and run with the embedded model. The Python
 * test runs those in Python.
 */
@Tag("spark")
@Tag("djl")
class ApiPageTest extends SharedSession {
  private static final Path MODEL =
      Path.of("src/main/resources/models/glm-image-tiny").toAbsolutePath();

  /** The packages that the examples take classes from. */
  private static final List<String> IMPORTS =
      List.of(
          "ai.djl.*",
          "ai.djl.inference.*",
          "ai.djl.repository.zoo.*",
          "io.glmimage.image.*",
          "io.glmimage.quality.*",
          "io.glmimage.request.*",
          "io.glmimage.spark.ml.*",
          "java.nio.file.*",
          "java.util.List",
          "org.apache.spark.ml.Pipeline",
          "org.apache.spark.ml.PipelineModel",
          "org.apache.spark.ml.PipelineStage",
          "org.apache.spark.sql.*");

  @BeforeEach
  void writeFiles() throws Exception {
    Files.write(folder.resolve("car.png"), JobConsole.png(64, 96, 90));
    Files.write(folder.resolve("car-mask.png"), JobConsole.png(64, 96, 255));
    TestAdapter.write(folder.resolve("style"), 3);
  }

  /** The examples in a language that contain a text, with the places of this test. */
  private List<String> examples(String language, String text) throws Exception {
    String page = Files.readString(Path.of("src/site/markdown/api.md"));
    Matcher blocks = Pattern.compile("```" + language + "\n(.*?)```", Pattern.DOTALL).matcher(page);
    List<String> found = new ArrayList<>();
    while (blocks.find()) {
      if (blocks.group(1).contains(text)) {
        found.add(here(blocks.group(1)));
      }
    }
    return found;
  }

  private String here(String example) {
    return example
        .replace("/models/GLM-Image", MODEL.toString())
        .replace("s3a://bucket/GLM-Image", MODEL.toString())
        .replace("s3a://bucket/", folder + "/")
        .replace("/data/", folder + "/")
        .replace("Device.gpu(1)", "Device.cpu()")
        .replace("null, null, 20,", "null, null, 1,")
        .replace("\"num_inference_steps\": 20", "\"num_inference_steps\": 1")
        .replace(
            "new ImageEditor()", "new ImageEditor().setDevice(\"cpu\").setNumInferenceSteps(1)");
  }

  /**
   * Compiles an example and runs it.
   *
   * @param parameters what the example takes from its surroundings
   * @param result what is asked of it afterwards
   */
  private Object run(String example, String parameters, String result, Object... arguments)
      throws Exception {
    StringBuilder source = new StringBuilder();
    IMPORTS.forEach(name -> source.append("import ").append(name).append(";\n"));
    source
        .append("public class Example {\n public static Object run(")
        .append(parameters)
        .append(") throws Exception {\n")
        .append(example)
        .append("return ")
        .append(result)
        .append(";\n}\n}\n");
    Path classes = Files.createDirectories(folder.resolve("classes"));
    Path file = Files.writeString(classes.resolve("Example.java"), source);
    StringWriter problems = new StringWriter();
    var compiler = ToolProvider.getSystemJavaCompiler();
    try (var files = compiler.getStandardFileManager(null, null, StandardCharsets.UTF_8)) {
      List<String> options =
          List.of("-d", classes + "", "-cp", System.getProperty("java.class.path"), "-proc:none");
      boolean compiled =
          compiler
              .getTask(problems, files, null, options, null, files.getJavaFileObjects(file))
              .call();
      assertTrue(compiled, () -> problems + "\n" + source);
    }
    try (URLClassLoader loader =
        new URLClassLoader(new URL[] {classes.toUri().toURL()}, getClass().getClassLoader())) {
      for (Method method : loader.loadClass("Example").getMethods()) {
        if (method.getName().equals("run")) {
          return method.invoke(null, arguments);
        }
      }
      throw new AssertionError("no method");
    } catch (InvocationTargetException e) {
      throw new AssertionError(e.getCause() + "\n" + source, e.getCause());
    }
  }

  /** All examples are run by a test of this class, but those of an extension that is not here. */
  @Test
  void everyExampleIsKnown() throws Exception {
    assertEquals(5, examples("java", "").size());
    assertEquals(1, examples("java", "BinaryPredictor").size());
    assertEquals(1, examples("json", "").size());
    assertEquals(1, examples("python", "BinaryPredictor").size());
  }

  @Test
  void djlExamplesRun() throws Exception {
    EditRequest request = new EditRequest("r", "a green circle", List.of(), 64, 64, 1, 1.5, 1);
    run(
        examples("java", "batchPredict").get(0),
        "List<EditRequest> requests",
        "null",
        List.of(request));

    Criteria<EditRequest, EditResult> criteria =
        Criteria.builder()
            .setTypes(EditRequest.class, EditResult.class)
            .optEngine("GlmImage")
            .optModelPath(MODEL)
            .optDevice(Device.cpu())
            .build();
    try (ZooModel<EditRequest, EditResult> model = criteria.loadModel();
        Predictor<EditRequest, EditResult> predictor = model.newPredictor()) {
      Object result =
          run(
              examples("java", "withMask").get(0),
              "Predictor<EditRequest, EditResult> predictor",
              "result.ok()",
              predictor);
      assertEquals(true, result);
      try (var edited = Files.newDirectoryStream(folder, "red-car-*.png")) {
        byte[] file = Files.readAllBytes(edited.iterator().next());
        assertEquals(96, ImageDecoder.decode(file, "edited").width());
      }
    }
  }

  @Test
  void theJsonRequestIsEdited() throws Exception {
    String image = Base64.getEncoder().encodeToString(JobConsole.png(64, 64, 90));
    String json = examples("json", "prompt").get(0).replace("base64,...", "base64," + image);
    Criteria<byte[], byte[]> criteria =
        Criteria.builder()
            .setTypes(byte[].class, byte[].class)
            .optEngine("GlmImage")
            .optModelPath(MODEL)
            .optDevice(Device.cpu())
            .build();
    try (ZooModel<byte[], byte[]> model = criteria.loadModel();
        Predictor<byte[], byte[]> predictor = model.newPredictor()) {
      byte[] file = predictor.predict(json.getBytes(StandardCharsets.UTF_8));
      assertEquals(64, ImageDecoder.decode(file, "edited").width());
    }
  }

  @Test
  void sparkExamplesRun() throws Exception {
    String car = folder + "/car.png";
    Dataset<Row> rows =
        spark.createDataFrame(
            List.of(RowFactory.create("r", car, folder + "/car-mask.png", "make it red")),
            StructType.fromDDL("id string, image string, mask string, prompt string"));
    Dataset<?> edited =
        (Dataset<?>)
            run(
                examples("java", "Dataset<Row> edited =\n    new ImageEditor").get(0),
                "Dataset<Row> rows",
                "edited",
                rows);
    assertEquals("OK", ((Row) edited.first()).getAs("status"));

    run(examples("java", "setMaskCol").get(0), "Dataset<Row> rows", "null", rows);
    // The image may be flagged; the table is there in any case.
    Dataset<Row> good = spark.read().parquet(folder + "/good");
    assertTrue(good.count() <= 1 && List.of(good.columns()).contains("figures"));
    assertTrue(Files.isDirectory(folder.resolve("edited")));
  }
}
