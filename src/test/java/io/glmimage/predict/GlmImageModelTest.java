package io.glmimage.predict;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.Model;
import ai.djl.engine.Engine;
import ai.djl.inference.Predictor;
import ai.djl.modality.Input;
import ai.djl.modality.Output;
import ai.djl.ndarray.NDList;
import ai.djl.spark.translator.binary.NpBinaryTranslator;
import ai.djl.translate.NoopTranslator;
import ai.djl.translate.TranslateException;
import ai.djl.translate.Translator;
import ai.djl.util.passthrough.PassthroughNDArray;
import io.glmimage.error.DeviceException;
import io.glmimage.error.InvalidRequestException;
import io.glmimage.image.ImageDecoder;
import io.glmimage.image.ImageEncoder;
import io.glmimage.image.RgbImage;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import io.glmimage.tensor.DeviceName;
import io.glmimage.weights.AdapterSpec;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** DJL's side of the model, with an engine that only records its requests. */
@Tag("djl")
class GlmImageModelTest {
  private static final Path FOLDER = Path.of("src/main/resources/models/glm-image-tiny");
  private static final RgbImage SOURCE = new RgbImage(1, 2, new byte[] {1, 2, 3, 4, 5, 6});

  /** Gives the first source back; refuses the prompt "no". */
  private static final class NotingEngine implements EditEngine {
    final List<List<EditRequest>> calls = new ArrayList<>();
    RuntimeException broken;
    boolean closed;

    @Override
    public List<EditResult> edit(List<EditRequest> requests) {
      if (broken != null) {
        throw broken;
      }
      calls.add(requests);
      return requests.stream().map(NotingEngine::result).toList();
    }

    private static EditResult result(EditRequest request) {
      return request.prompt().equals("no")
          ? EditResult.failed(
              request.id(), new InvalidRequestException("Cannot edit request " + request.id()))
          : new EditResult(request.id(), request.sources().get(0), null, 0, 0, 0);
    }

    @Override
    public String description() {
      return "noting";
    }

    @Override
    public void close() {
      closed = true;
    }
  }

  private final NotingEngine engine = new NotingEngine();
  private String loadedOn;
  private String loadedIn;

  private GlmImageModel model(Device device) {
    return new GlmImageModel("tiny", Engine.getEngine("GlmImage"), device) {
      @Override
      DeviceName resolveDevice(DeviceName name) {
        loadedOn = name.toString();
        return switch (name.kind()) {
          case AUTO -> DeviceName.CPU;
          case CPU -> name;
          case CUDA -> name.isOpen() ? DeviceName.cuda(0) : name;
        };
      }

      @Override
      EditEngine open(Path folder, List<AdapterSpec> adapters, EngineSettings settings) {
        loadedIn = settings.precision().toString();
        return engine;
      }
    };
  }

  private GlmImageModel loaded(Device device) throws Exception {
    GlmImageModel model = model(device);
    model.load(FOLDER, null, null);
    return model;
  }

  private static <I, O> Predictor<I, O> predictor(
      Model model, Class<I> input, Class<O> output, Map<String, ?> arguments) throws Exception {
    Translator<I, O> translator =
        new GlmImageTranslatorFactory().newInstance(input, output, model, arguments);
    return model.newPredictor(translator);
  }

  private static EditRequest request(String id, String prompt) {
    return new EditRequest(id, prompt, List.of(SOURCE), null, null, 2, 1.5, 7);
  }

  private static byte[] json(String prompt) {
    String image = Base64.getEncoder().encodeToString(ImageEncoder.png(SOURCE));
    return ("{\"prompt\": \"" + prompt + "\", \"image\": \"" + image + "\"}")
        .getBytes(StandardCharsets.UTF_8);
  }

  @Test
  void aListIsOneCallOfTheEngine() throws Exception {
    try (GlmImageModel model = loaded(null);
        Predictor<EditRequest, EditResult> predictor =
            predictor(model, EditRequest.class, EditResult.class, Map.of())) {
      List<EditRequest> requests = List.of(request("a", "x"), request("b", "no"), request("c", ""));
      List<EditResult> results = predictor.batchPredict(requests);
      assertEquals(List.of(requests), engine.calls);
      assertEquals(List.of("a", "b", "c"), results.stream().map(EditResult::id).toList());
      assertTrue(results.get(0).ok());
      assertEquals("Cannot edit request b", results.get(1).error().getMessage());
      assertTrue(results.get(2).ok());
      assertEquals("a", predictor.predict(requests.get(0)).id());
      assertEquals(List.of(), predictor.batchPredict(List.of()));
      assertEquals(2, engine.calls.size());
    }
  }

  @Test
  void predictorsShareOneEngineWhichClosesWithTheModel() throws Exception {
    GlmImageModel model = loaded(null);
    Predictor<EditRequest, EditResult> first =
        predictor(model, EditRequest.class, EditResult.class, Map.of());
    Predictor<byte[], byte[]> second = predictor(model, byte[].class, byte[].class, Map.of());
    first.close();
    assertFalse(engine.closed, "a predictor must not close the model");
    second.predict(json("x"));
    assertEquals(1, engine.calls.size());
    model.close();
    model.close();
    assertTrue(engine.closed);
    assertEquals(
        "Cannot predict with model tiny: it is closed",
        assertThrows(
                IllegalStateException.class,
                () -> predictor(model, byte[].class, byte[].class, Map.of()))
            .getMessage());
    assertEquals(
        "Cannot load model tiny: it is closed",
        assertThrows(IllegalStateException.class, () -> model.load(FOLDER)).getMessage());
  }

  @Test
  void anEmptyModelSaysSo() {
    GlmImageModel model = model(null);
    assertEquals(
        "Cannot predict with model tiny: it is empty",
        assertThrows(
                IllegalStateException.class,
                () -> predictor(model, byte[].class, byte[].class, Map.of()))
            .getMessage());
  }

  @Test
  void brokenDevicesEndTheCall() throws Exception {
    try (GlmImageModel model = loaded(null);
        Predictor<EditRequest, EditResult> predictor =
            predictor(model, EditRequest.class, EditResult.class, Map.of())) {
      engine.broken = new DeviceException("Cannot go on: cuda:0 is lost", null);
      TranslateException e =
          assertThrows(TranslateException.class, () -> predictor.predict(request("a", "x")));
      assertSame(engine.broken, e.getCause());
    }
  }

  @Test
  void devicesGoByDjlsNames() throws Exception {
    loaded(null).close();
    assertEquals("auto", loadedOn);
    loaded(Device.cpu()).close();
    assertEquals("cpu", loadedOn);
    try (GlmImageModel model = loaded(Device.gpu(3))) {
      assertEquals("cuda:3", loadedOn);
      assertEquals(Device.gpu(3), model.getNDManager().getDevice());
      assertTrue(
          assertThrows(
                  IllegalArgumentException.class,
                  () -> model.newPredictor(new NoopTranslator(), Device.cpu()))
              .getMessage()
              .startsWith("Cannot predict on cpu(): model tiny is loaded on gpu(3)"));
    }
    loaded(Device.of(Device.Type.GPU, -1)).close();
    assertEquals("cuda", loadedOn);
    assertEquals(
        "Invalid device: npu(0), expected Device.cpu() or Device.gpu(n)",
        assertThrows(IllegalArgumentException.class, () -> loaded(Device.of("npu", 0)))
            .getMessage());
  }

  @Test
  void optionsAreChecked() throws Exception {
    try (GlmImageModel byOption = model(null)) {
      byOption.load(FOLDER, null, Map.of("device", "cuda:1", "modelName", "tiny"));
      assertEquals("cuda:1", loadedOn);
      assertEquals("auto", loadedIn);
    }
    try (GlmImageModel fp8 = model(null)) {
      fp8.load(FOLDER, null, Map.of("precision", "fp8"));
      assertEquals("fp8", loadedIn);
    }
    GlmImageModel unknown = model(null);
    assertEquals(
        "Cannot load model tiny: unknown options [dtype, stepz]; there are device, precision, lora, gpuMemory and modelName",
        assertThrows(
                IllegalArgumentException.class,
                () -> unknown.load(FOLDER, null, Map.of("stepz", "1", "dtype", "fp8")))
            .getMessage());
    GlmImageModel torn = model(Device.gpu(0));
    assertEquals(
        "Cannot load model tiny: the option device says cpu, optDevice says cuda:0",
        assertThrows(
                IllegalArgumentException.class,
                () -> torn.load(FOLDER, null, Map.of("device", "cpu")))
            .getMessage());
  }

  @Test
  void jsonRequestsOfOneCallBecomePngFiles() throws Exception {
    try (GlmImageModel model = loaded(null);
        Predictor<byte[], byte[]> predictor = jsonPredictor(model)) {
      List<byte[]> out = predictor.batchPredict(List.of(json("x"), json("y")));
      assertEquals(1, engine.calls.size());
      for (byte[] png : out) {
        assertArrayEquals(SOURCE.pixels(), ImageDecoder.decode(png, "out").pixels());
      }
    }
  }

  @Test
  void aJsonRequestThatCannotBeEditedFailsItsCall() throws Exception {
    try (GlmImageModel model = loaded(null);
        Predictor<byte[], byte[]> predictor = jsonPredictor(model)) {
      TranslateException refused =
          assertThrows(
              TranslateException.class,
              () -> predictor.batchPredict(List.of(json("x"), json("no"))));
      assertEquals("Cannot edit request 2 of 2", refused.getMessage());
      assertInstanceOf(InvalidRequestException.class, refused.getCause());
    }
  }

  @Test
  void damagedJsonFailsItsCallBeforeAnyImageIsEdited() throws Exception {
    try (GlmImageModel model = loaded(null);
        Predictor<byte[], byte[]> predictor = jsonPredictor(model)) {
      TranslateException damaged =
          assertThrows(
              TranslateException.class,
              () -> predictor.batchPredict(List.of(json("x"), new byte[] {'{'})));
      assertTrue(damaged.getMessage().startsWith("Cannot read request 2 of 2: it is not JSON"));
      assertEquals(List.of(), engine.calls);
    }
  }

  @Test
  void failuresCanBeEmpty() throws Exception {
    try (GlmImageModel model = loaded(null);
        Predictor<byte[], byte[]> predictor =
            predictor(model, byte[].class, byte[].class, Map.of("failures", "empty"))) {
      List<byte[]> out =
          predictor.batchPredict(List.of(json("no"), new byte[] {'{'}, json("x"), new byte[0]));
      assertEquals(
          List.of(0, 0, 0), List.of(out.get(0).length, out.get(1).length, out.get(3).length));
      assertArrayEquals(SOURCE.pixels(), ImageDecoder.decode(out.get(2), "out").pixels());
    }
  }

  private static Predictor<byte[], byte[]> jsonPredictor(GlmImageModel model) throws Exception {
    return predictor(model, byte[].class, byte[].class, Map.of("batchifier", "none"));
  }

  @Test
  void aWrongArgumentClosesTheModel() throws Exception {
    GlmImageModel model = loaded(null);
    assertEquals(
        "Invalid argument failures: skip, expected throw or empty",
        assertThrows(
                IllegalArgumentException.class,
                () -> predictor(model, byte[].class, byte[].class, Map.of("failures", "skip")))
            .getMessage());
    assertTrue(engine.closed);
  }

  @Test
  void servingOutputsCarryCodes() throws Exception {
    try (GlmImageModel model = loaded(null);
        Predictor<Input, Output> predictor =
            predictor(model, Input.class, Output.class, Map.of())) {
      Input good = new Input();
      good.add("data", json("x"));
      Input refused = new Input();
      refused.add(json("no"));
      List<Output> out = predictor.batchPredict(List.of(good, refused, new Input()));
      assertEquals(List.of(200, 400, 400), out.stream().map(Output::getCode).toList());
      assertEquals("image/png", out.get(0).getProperty("Content-Type", null));
      assertArrayEquals(
          SOURCE.pixels(), ImageDecoder.decode(out.get(0).getData().getAsBytes(), "").pixels());
      assertTrue(
          List.of("OK", "UNCHANGED", "FLAT").contains(out.get(0).getProperty("quality", null)));
      assertTrue(Double.parseDouble(out.get(0).getProperty("flatness", null)) >= 0);
      assertNull(out.get(1).getProperty("quality", null));
      assertNull(out.get(1).getData());
      assertEquals("Cannot edit request 2 of 3", out.get(1).getMessage());
      assertEquals("Cannot edit request 3 of 3: it has no content", out.get(2).getMessage());
    }
  }

  @Test
  void theSparkExtensionsArrayTranslatorGivesWayToJson() throws Exception {
    try (GlmImageModel model = loaded(null)) {
      model.setProperty("failures", "empty");
      try (Predictor<byte[], byte[]> predictor = model.newPredictor(new NpBinaryTranslator(null))) {
        List<byte[]> out = predictor.batchPredict(List.of(json("x"), json("no")));
        assertArrayEquals(SOURCE.pixels(), ImageDecoder.decode(out.get(0), "out").pixels());
        assertEquals(0, out.get(1).length);
        assertEquals(1, engine.calls.size());
      }
    }
  }

  @Test
  void aNullRequestHasNoContent() throws Exception {
    String message = "Cannot edit request 2 of 2: it has no content";
    try (GlmImageModel model = loaded(null);
        Predictor<EditRequest, EditResult> typed =
            predictor(model, EditRequest.class, EditResult.class, Map.of());
        Predictor<byte[], byte[]> empty =
            predictor(model, byte[].class, byte[].class, Map.of("failures", "empty"));
        Predictor<byte[], byte[]> strict = predictor(model, byte[].class, byte[].class, Map.of());
        Predictor<Input, Output> serving = predictor(model, Input.class, Output.class, Map.of())) {
      RuntimeException error =
          typed.batchPredict(Arrays.asList(request("a", "x"), null)).get(1).error();
      assertInstanceOf(InvalidRequestException.class, error);
      assertEquals(message, error.getMessage());
      List<byte[]> images = empty.batchPredict(Arrays.asList(json("x"), null));
      assertTrue(images.get(0).length > 0);
      assertEquals(0, images.get(1).length);
      int calls = engine.calls.size();
      TranslateException failed =
          assertThrows(
              TranslateException.class, () -> strict.batchPredict(Arrays.asList(json("x"), null)));
      assertTrue(failed.getMessage().contains(message), failed.getMessage());
      assertEquals(calls, engine.calls.size(), "the model edits nothing in vain");
      Output output = serving.batchPredict(Arrays.asList(null, null)).get(1);
      assertEquals(400, output.getCode());
      assertEquals(message, output.getMessage());
    }
  }

  @Test
  void anArgumentOrAUrlChoosesDeviceAndPrecision() throws Exception {
    try (GlmImageModel model = model(null)) {
      model.setProperty("device", "cuda:3");
      model.setProperty("precision", "fp8");
      model.setProperty("batchifier", "none");
      model.load(FOLDER, null, Map.of("device", "cuda:3"));
      assertEquals("cuda:3", loadedOn);
      assertEquals("fp8", loadedIn);
    }
    for (Device device : new Device[] {null, Device.cpu()}) {
      try (GlmImageModel model = model(device)) {
        model.setProperty("device", "cuda:3");
        Map<String, String> options = device == null ? Map.of("device", "cpu") : Map.of();
        assertEquals(
            device == null
                ? "Cannot load model tiny: the option device says cpu, the argument or URL says"
                    + " cuda:3"
                : "Cannot load model tiny: the option device says cuda:3, optDevice says cpu",
            assertThrows(IllegalArgumentException.class, () -> model.load(FOLDER, null, options))
                .getMessage());
      }
    }
  }

  @Test
  void anEngineSurvivesModelsThatAreCollected() throws Exception {
    List<Runnable> timers = new ArrayList<>();
    LoadedModels models = new LoadedModels(System::nanoTime, timers::add);
    LoadedModels.Key key = new LoadedModels.Key("model", DeviceName.CPU);
    AtomicInteger loads = new AtomicInteger();
    for (int task = 0; task < 3; task++) {
      GlmImageModel model =
          new GlmImageModel("tiny", Engine.getEngine("GlmImage"), Device.cpu()) {
            @Override
            EditEngine open(Path folder, List<AdapterSpec> adapters, EngineSettings settings) {
              return models.share(
                  key,
                  progress -> {
                    loads.incrementAndGet();
                    return engine;
                  });
            }
          };
      model.load(FOLDER, null, null);
      model.finalize(); // as the garbage collector does between two tasks
      assertFalse(engine.closed);
    }
    assertEquals(1, loads.get());
    timers.forEach(Runnable::run);
    assertTrue(engine.closed);
  }

  @Test
  void arraysAreRefused() throws Exception {
    try (GlmImageModel model = loaded(null);
        Predictor<NDList, NDList> predictor = model.newPredictor(new NoopTranslator())) {
      NDList arrays = new NDList(new PassthroughNDArray("text"));
      TranslateException e =
          assertThrows(TranslateException.class, () -> predictor.predict(arrays));
      assertTrue(
          e.getMessage().contains("the translator gave java.lang.String, expected an EditRequest"),
          e.getMessage());
    }
  }

  @Test
  void otherTypesAreRefused() throws Exception {
    try (GlmImageModel model = loaded(null)) {
      assertTrue(
          assertThrows(
                  TranslateException.class,
                  () -> predictor(model, String.class, String.class, Map.of()))
              .getMessage()
              .startsWith("Cannot translate java.lang.String to java.lang.String: GlmImage has"));
    }
  }
}
