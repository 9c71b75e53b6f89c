package io.glmimage.predict;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import ai.djl.Device;
import ai.djl.MalformedModelException;
import ai.djl.engine.Engine;
import ai.djl.inference.Predictor;
import ai.djl.ndarray.types.DataType;
import ai.djl.repository.LocalRepository;
import ai.djl.repository.Repository;
import ai.djl.repository.RepositoryFactory;
import ai.djl.repository.SimpleRepository;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ModelNotFoundException;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.spark.translator.binary.NpBinaryTranslatorFactory;
import ai.djl.translate.TranslateException;
import ai.djl.util.Utils;
import io.glmimage.error.DeviceException;
import io.glmimage.error.InvalidRequestException;
import io.glmimage.image.ImageDecoder;
import io.glmimage.image.RgbImage;
import io.glmimage.pipeline.TestAdapter;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import io.glmimage.tensor.DeviceName;
import io.glmimage.tensor.Libtorch;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import java.util.ServiceLoader;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The embedded model through DJL, found and loaded by DJL itself. */
@Tag("djl")
class GlmImageDjlTest {
  private static final Path MODEL =
      Path.of("src/main/resources/models/glm-image-tiny").toAbsolutePath();
  private static final Path SOURCE = MODEL.resolve("examples/01_recolor_green.png");
  private static final String PROMPT = "Change the color of the circle to green";

  @TempDir Path temp;

  private static <I, O> Criteria.Builder<I, O> criteria(Class<I> input, Class<O> output) {
    return Criteria.builder()
        .setTypes(input, output)
        .optEngine("GlmImage")
        .optDevice(Device.cpu())
        .optModelPath(MODEL);
  }

  private static EditRequest request(String id, int size, long seed) throws IOException {
    RgbImage source = ImageDecoder.decode(Files.readAllBytes(SOURCE), id);
    return new EditRequest(id, PROMPT, List.of(source), size, size, 2, 1.5, seed);
  }

  @Test
  void theDocumentedExampleRuns() throws Exception {
    Path edited = temp.resolve("edited.png");
    DjlExample.edit(MODEL, SOURCE, edited);
    RgbImage out = ImageDecoder.decode(Files.readAllBytes(edited), "edited");
    assertEquals(List.of(128, 128), List.of(out.height(), out.width()));
  }

  @Test
  void theDocumentedExampleIsTheCompiledOne() throws IOException {
    String documented =
        Files.readString(Path.of("src/main/java/io/glmimage/predict/package-info.java"));
    String compiled =
        Files.readString(Path.of("src/test/java/io/glmimage/predict/DjlExample.java"));
    List<String> shown =
        documented
            .substring(documented.indexOf("<pre>{@code") + 11, documented.indexOf("}</pre>"))
            .lines()
            .map(line -> line.replaceFirst("^ \\* ?", "").strip())
            .filter(line -> !line.isEmpty() && !line.equals("*"))
            .toList();
    List<String> run =
        compiled
            .substring(
                compiled.indexOf("// Example starts") + 17, compiled.indexOf("// Example ends"))
            .lines()
            .map(String::strip)
            .filter(line -> !line.isEmpty())
            .toList();
    assertFalse(run.isEmpty());
    // Only lines may break elsewhere.
    assertEquals(String.join("", run).replace(" ", ""), String.join("", shown).replace(" ", ""));
  }

  @Test
  void batchesGiveWhatSingleRequestsGive() throws Exception {
    List<EditRequest> requests =
        List.of(
            request("a", 64, 1),
            new EditRequest("bad", PROMPT, List.of(), 64, 64, 0, 1.5, 1),
            request("b", 96, 2));
    try (ZooModel<EditRequest, EditResult> model =
            criteria(EditRequest.class, EditResult.class).build().loadModel();
        Predictor<EditRequest, EditResult> predictor = model.newPredictor();
        GlmImageEngine engine = GlmImageEngine.load(MODEL, "cpu")) {
      assertEquals(Device.cpu(), model.getNDManager().getDevice());
      assertEquals(DataType.FLOAT32, model.getDataType());
      List<EditResult> batch = predictor.batchPredict(requests);
      assertInstanceOf(InvalidRequestException.class, batch.get(1).error());
      for (int i = 0; i < requests.size(); i += 2) {
        EditResult alone = engine.edit(List.of(requests.get(i))).get(0);
        assertArrayEquals(alone.image().pixels(), batch.get(i).image().pixels());
      }
    }
  }

  @Test
  void adaptersAreAnOptionOrAnArgument() throws Exception {
    String adapter = TestAdapter.write(temp.resolve("adapter"), 3) + "=0.5";
    byte[] plain = pixels(criteria(EditRequest.class, EditResult.class));
    byte[] option =
        pixels(criteria(EditRequest.class, EditResult.class).optOption("lora", adapter));
    byte[] argument =
        pixels(criteria(EditRequest.class, EditResult.class).optArgument("lora", adapter));
    assertFalse(Arrays.equals(plain, option));
    assertArrayEquals(option, argument);
  }

  private static byte[] pixels(Criteria.Builder<EditRequest, EditResult> criteria)
      throws Exception {
    try (ZooModel<EditRequest, EditResult> model = criteria.build().loadModel();
        Predictor<EditRequest, EditResult> predictor = model.newPredictor()) {
      return predictor.predict(request("r", 64, 1)).image().pixels();
    }
  }

  @Test
  void modelsAreFoundByUrlWithBytesAndWithoutAnEngineName() throws Exception {
    String json =
        "{\"prompt\": \""
            + PROMPT
            + "\", \"image\": \"data:image/png;base64,"
            + Base64.getEncoder().encodeToString(Files.readAllBytes(SOURCE))
            + "\", \"height\": 64, \"width\": 64, \"num_inference_steps\": 2, \"seed\": 1}";
    Predictor<byte[], byte[]> used;
    try (ZooModel<byte[], byte[]> model =
            Criteria.builder()
                .setTypes(byte[].class, byte[].class)
                .optModelUrls(MODEL.toUri() + "?failures=empty&model_name=tiny")
                .optOption("device", "cpu")
                .build()
                .loadModel();
        Predictor<byte[], byte[]> predictor = model.newPredictor()) {
      assertEquals("tiny", model.getName());
      used = predictor;
      List<byte[]> out =
          predictor.batchPredict(List.of(json.getBytes(StandardCharsets.UTF_8), new byte[] {'?'}));
      RgbImage edited = ImageDecoder.decode(out.get(0), "out");
      assertEquals(List.of(64, 64), List.of(edited.height(), edited.width()));
      assertEquals(0, out.get(1).length);
    }
    TranslateException closed =
        assertThrows(
            TranslateException.class, () -> used.predict(json.getBytes(StandardCharsets.UTF_8)));
    assertTrue(
        closed.getMessage().contains("Cannot edit: the engine is closed"), closed.toString());
  }

  @Test
  void theSparkExtensionsBinaryPredictorNeedsTheNameOnly() throws Exception {
    String json = "{\"prompt\": \"x\", \"height\": 64, \"width\": 64, \"num_inference_steps\": 1}";
    // As its ModelLoader does: a serializable factory, and the batchifier among the arguments.
    NpBinaryTranslatorFactory factory = serialized(new NpBinaryTranslatorFactory());
    try (ZooModel<byte[], byte[]> model =
            Criteria.builder()
                .setTypes(byte[].class, byte[].class)
                .optEngine("GlmImage")
                .optModelUrls(MODEL.toUri() + "?failures=empty&device=cpu")
                .optTranslatorFactory(factory)
                .optArgument("batchifier", "stack")
                .build()
                .loadModel();
        Predictor<byte[], byte[]> predictor = model.newPredictor()) {
      assertEquals(Device.cpu(), model.getNDManager().getDevice());
      List<byte[]> out =
          predictor.batchPredict(
              Arrays.asList(
                  "{}".getBytes(StandardCharsets.UTF_8),
                  null,
                  json.getBytes(StandardCharsets.UTF_8)));
      assertEquals(0, out.get(0).length);
      assertEquals(0, out.get(1).length);
      assertEquals(64, ImageDecoder.decode(out.get(2), "out").height());
    }
  }

  @SuppressWarnings("unchecked")
  private static <T> T serialized(T value) throws Exception {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
      out.writeObject(value);
    }
    try (ObjectInputStream in =
        new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
      return (T) in.readObject();
    }
  }

  @Test
  void djlReportsNothingOverTheNetwork() {
    assertTrue(Engine.hasEngine("GlmImage"));
    assertEquals("true", Utils.getEnvOrSystemProperty("OPT_OUT_TRACKING"));
  }

  @Test
  void theDeviceOfASparkTaskIsAskedFor() {
    assertEquals(
        List.of("io.glmimage.spark.engine.SparkTaskDevices"),
        ServiceLoader.load(TaskDevices.class).stream().map(p -> p.type().getName()).toList());
    assertEquals(DeviceName.CUDA, TaskDevices.or(DeviceName.CUDA), "no task is running");
  }

  @Test
  void remoteUrlsAreRefusedWithAdvice() {
    for (String url : List.of("s3a://key:secret@bucket/models/GLM-Image", "hdfs://host:8020/m")) {
      IllegalArgumentException e =
          assertThrows(
              IllegalArgumentException.class,
              () ->
                  Criteria.builder()
                      .setTypes(EditRequest.class, EditResult.class)
                      .optModelUrls(url)
                      .build()
                      .loadModel());
      String shown = url.replace("key:secret@", "");
      assertTrue(
          e.getMessage().startsWith("Cannot load model " + shown + ": DJL loads models from local"),
          e.getMessage());
      assertTrue(e.getMessage().contains("ImageEditor"), e.getMessage());
    }
  }

  @Test
  void problemsOfAModelAreReported() throws Exception {
    Files.writeString(temp.resolve("model_index.json"), "{\"_class_name\": \"GlmImagePipeline\"}");
    MalformedModelException e =
        assertThrows(
            MalformedModelException.class,
            () ->
                Criteria.builder()
                    .setTypes(EditRequest.class, EditResult.class)
                    .optModelPath(temp)
                    .optDevice(Device.cpu())
                    .build()
                    .loadModel());
    assertTrue(e.getMessage().startsWith("Cannot load model: "), e.getMessage());
    IllegalArgumentException option =
        assertThrows(
            IllegalArgumentException.class,
            () ->
                criteria(EditRequest.class, EditResult.class)
                    .optOption("stepz", "3")
                    .build()
                    .loadModel());
    assertTrue(option.getMessage().contains("unknown options [stepz]"), option.getMessage());
  }

  @Test
  void aGpuThatLibtorchCannotUseIsAnErrorThatSaysWhatToInstall() {
    assumeFalse(Libtorch.cudaAvailable(), "there is a GPU");
    for (Criteria.Builder<EditRequest, EditResult> criteria :
        List.of(
            Criteria.builder().setTypes(EditRequest.class, EditResult.class).optModelPath(MODEL),
            Criteria.builder()
                .setTypes(EditRequest.class, EditResult.class)
                .optEngine("GlmImage")
                .optModelUrls(MODEL.toUri().toString()))) {
      DeviceException e =
          assertThrows(
              DeviceException.class, () -> criteria.optDevice(Device.gpu(1)).build().loadModel());
      assertTrue(e.getMessage().startsWith("Cannot use cuda:1: "), e.getMessage());
      assertTrue(e.getMessage().contains("profile gpu"), e.getMessage());
    }
  }

  @Test
  void theEngineIsFoundButNeverTheDefault() {
    assertTrue(Engine.hasEngine("GlmImage"));
    Engine engine = Engine.getEngine("GlmImage");
    assertEquals("GlmImage", engine.getEngineName());
    assertNotEquals("GlmImage", Engine.getDefaultEngineName());
    assertFalse(engine.getVersion().isEmpty());
    assertFalse(engine.hasCapability("MKL"));
  }

  @Test
  void serviceFilesNameOneClassEach() throws IOException {
    // As many providers as lines: a shaded jar concatenates these files.
    for (Class<?> service : List.of(ai.djl.engine.EngineProvider.class, RepositoryFactory.class)) {
      List<URL> files =
          Collections.list(
              getClass().getClassLoader().getResources("META-INF/services/" + service.getName()));
      int lines = 0;
      for (URL file : files) {
        try (var in = file.openStream()) {
          String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
          assertTrue(!file.getProtocol().equals("file") || text.endsWith("\n"), file.toString());
          lines +=
              (int) text.lines().filter(line -> !line.isBlank() && !line.startsWith("#")).count();
        }
      }
      assertEquals(lines, ServiceLoader.load(service).stream().count());
    }
  }

  @Test
  void otherFoldersAreReadAsDjlReadsThem() throws IOException {
    CheckpointRepositoryFactory factory = new CheckpointRepositoryFactory();
    Path plain = Files.createDirectories(temp.resolve("plain"));
    Files.writeString(plain.resolve("model.pt"), "x");
    Repository simple = factory.newInstance("r", plain.toUri());
    assertInstanceOf(SimpleRepository.class, simple);
    assertEquals(1, simple.getResources().size());
    assertEquals(
        java.util.Map.of(),
        simple.resolve(simple.getResources().get(0), null).getArguments(),
        "nothing of ours is added");
    Files.createDirectories(temp.resolve("diffusers"));
    Files.writeString(
        temp.resolve("diffusers/model_index.json"), "{\"_class_name\": \"FluxPipeline\"}");
    Repository other = factory.newInstance("r", temp.resolve("diffusers").toUri());
    assertEquals(
        java.util.Map.of(), other.resolve(other.getResources().get(0), null).getArguments());
    Path local = Files.createDirectories(temp.resolve("repo/model/cv/group/artifact"));
    Files.writeString(
        local.resolve("metadata.json"),
        "{\"metadataVersion\": \"0.2\", \"groupId\": \"group\", \"artifactId\": \"artifact\","
            + " \"artifacts\": []}");
    assertInstanceOf(LocalRepository.class, factory.newInstance("r", temp.resolve("repo").toUri()));
    assertEquals(
        List.of(), factory.newInstance("r", temp.resolve("missing").toUri()).getResources());
    assertThrows(
        ModelNotFoundException.class,
        () ->
            criteria(EditRequest.class, EditResult.class).optModelPath(plain).build().loadModel());
  }
}
