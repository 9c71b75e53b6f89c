package io.glmimage.predict;

import ai.djl.BaseModel;
import ai.djl.Device;
import ai.djl.MalformedModelException;
import ai.djl.engine.Engine;
import ai.djl.inference.Predictor;
import ai.djl.ndarray.types.DataType;
import ai.djl.translate.Translator;
import ai.djl.util.passthrough.PassthroughNDManager;
import io.glmimage.error.CheckpointException;
import io.glmimage.weights.LoadProgress;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A checkpoint as DJL's model. One {@link EditEngine} is loaded and shared by all predictors, which
 * take turns; models of the same checkpoint on the same device share it too ({@link
 * SharedEngines}). Closing the model, the last one of them, frees its native memory.
 *
 * <p>Options: {@value #DEVICE} ({@code auto}, {@code cpu}, {@code cuda}, {@code cuda:N}) where no
 * device was given to the criteria, {@value #PRECISION} ({@code auto}, {@code fp8}), and DJL's own
 * {@value #MODEL_NAME}. Others are refused.
 */
class GlmImageModel extends BaseModel {
  private static final Logger LOG = LoggerFactory.getLogger(GlmImageModel.class);
  private static final String DEVICE = "device";
  static final String PRECISION = "precision";
  private static final String MODEL_NAME = "modelName";

  private static final SharedEngines ENGINES =
      new SharedEngines(
          (folder, device, precision) ->
              GlmImageEngine.load(folder, device, precision, LoadProgress.NONE));

  /** What the DJL Spark extension's BinaryPredictor gives where it is given no translator. */
  private static final String ARRAYS_TRANSLATOR =
      "ai.djl.spark.translator.binary.NpBinaryTranslator";

  private final Engine djlEngine;
  private final Device requested;
  private volatile EditEngine engine;
  private volatile boolean closed;

  /**
   * @param device null for the first GPU, else the CPU
   */
  GlmImageModel(String name, Engine djlEngine, Device device) {
    super(name);
    this.djlEngine = djlEngine;
    this.requested = device;
    manager = new PassthroughNDManager(djlEngine, device == null ? Device.cpu() : device);
    dataType = DataType.FLOAT32;
  }

  /**
   * @param prefix not used: a checkpoint has fixed file names
   * @throws MalformedModelException if the checkpoint is incomplete, damaged or of another
   *     architecture
   * @throws IllegalArgumentException for an unknown option, device or precision
   * @throws io.glmimage.error.DeviceException if a GPU was asked for and libtorch cannot use it
   */
  @Override
  public void load(Path modelPath, String prefix, Map<String, ?> options)
      throws MalformedModelException {
    if (engine != null || closed) {
      throw new IllegalStateException(
          "Cannot load model " + modelName + ": it is " + (closed ? "closed" : "loaded already"));
    }
    Map<String, ?> given = options == null ? Map.of() : options;
    String device = resolveDevice(deviceName(given));
    String precision =
        given.get(PRECISION) == null
            ? GlmImageEngine.STANDARD_PRECISION
            : given.get(PRECISION).toString();
    setModelDir(modelPath);
    try {
      engine = open(modelDir, device, precision);
    } catch (CheckpointException e) {
      throw new MalformedModelException(e.getMessage(), e);
    }
    manager = new PassthroughNDManager(djlEngine, GlmImageDjlEngine.toDevice(device));
    dataType = device.equals("cpu") ? DataType.FLOAT32 : DataType.BFLOAT16;
    block = new EditBlock(engine);
    wasLoaded = true;
  }

  private String deviceName(Map<String, ?> options) {
    Set<String> unknown = new TreeSet<>(options.keySet());
    unknown.remove(DEVICE);
    unknown.remove(PRECISION);
    unknown.remove(MODEL_NAME);
    if (!unknown.isEmpty()) {
      throw new IllegalArgumentException(
          "Cannot load model "
              + modelName
              + ": unknown options "
              + unknown
              + "; there are "
              + DEVICE
              + ", "
              + PRECISION
              + " and "
              + MODEL_NAME);
    }
    String asked = GlmImageDjlEngine.toName(requested);
    if (options.get(DEVICE) == null) {
      return asked;
    }
    String option = options.get(DEVICE).toString();
    if (requested != null && !option.equals(asked)) {
      throw new IllegalArgumentException(
          "Cannot load model "
              + modelName
              + ": the option "
              + DEVICE
              + " says "
              + option
              + ", optDevice says "
              + asked);
    }
    return option;
  }

  String resolveDevice(String name) {
    return GlmImageEngine.resolveDevice(name);
  }

  EditEngine open(Path folder, String device, String precision) {
    return ENGINES.open(folder, device, precision);
  }

  @Override
  public <I, O> Predictor<I, O> newPredictor(Translator<I, O> translator, Device device) {
    if (engine == null) {
      throw new IllegalStateException(
          "Cannot predict with model " + modelName + ": it is " + (closed ? "closed" : "empty"));
    }
    if (!device.equals(manager.getDevice())) {
      throw new IllegalArgumentException(
          "Cannot predict on "
              + device
              + ": model "
              + modelName
              + " is loaded on "
              + manager.getDevice()
              + "; choose the device in the criteria (optDevice)");
    }
    if (translator.getClass().getName().equals(ARRAYS_TRANSLATOR)) {
      // There are no arrays to decode here; its types are those of the JSON form.
      @SuppressWarnings("unchecked")
      Translator<I, O> json =
          (Translator<I, O>) GlmImageTranslatorFactory.jsonTranslator(getProperties());
      return super.newPredictor(json, device);
    }
    return super.newPredictor(translator, device);
  }

  @Override
  public void save(Path modelPath, String newModelName) {
    throw new UnsupportedOperationException(
        "Cannot save model " + modelName + ": " + GlmImageDjlEngine.NAME + " only runs models");
  }

  @Override
  public void close() {
    closed = true;
    EditEngine loaded = engine;
    engine = null;
    if (loaded != null) {
      loaded.close();
    }
    super.close();
  }

  /** As DJL's models do; its own would complain of models that were closed. */
  @Override
  @SuppressWarnings({"deprecation", "Finalize"})
  protected void finalize() {
    if (engine != null) {
      LOG.warn("Model {} was not closed", modelName);
      close();
    }
  }
}
