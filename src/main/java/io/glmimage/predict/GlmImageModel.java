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
import io.glmimage.io.LocalFileSource;
import io.glmimage.tensor.DeviceName;
import io.glmimage.tensor.MemoryRule;
import io.glmimage.tensor.Precision;
import io.glmimage.weights.Adapter;
import io.glmimage.weights.AdapterSpec;
import io.glmimage.weights.CheckpointListing;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A checkpoint as a DJL model. All predictors of the model use one {@link EditEngine} and take
 * turns. Models of the same checkpoint on the same device share the engine ({@link LoadedModels}).
 * DJL's Spark extension loads a model in every task and never closes one. Without sharing, the
 * second task would fill the GPU. Closing the last of these models frees the native memory. A model
 * that is only garbage-collected leaves its engine loaded for a while, for the next task.
 *
 * <p>Options: {@value #DEVICE} ({@code auto}, {@code cpu}, {@code cuda}, {@code cuda:N}) if the
 * criteria have no device, {@value #PRECISION} ({@code auto}, {@code fp8}), {@value #LORA} (local
 * folders of LoRA adapters, separated by commas, each with {@code =SCALE} if the scale is not 1),
 * and DJL's own {@value #MODEL_NAME}. Other options are refused. {@value #DEVICE}, {@value
 * #PRECISION} and {@value #LORA} may also be arguments, which include the query of the model's URL.
 * Arguments with other names belong to the translator.
 */
class GlmImageModel extends BaseModel {
  private static final Logger LOG = LoggerFactory.getLogger(GlmImageModel.class);
  private static final String DEVICE = "device";
  static final String PRECISION = "precision";
  static final String LORA = "lora";
  static final String GPU_MEMORY = "gpuMemory";
  private static final String MODEL_NAME = "modelName";

  /** The default translator of the DJL Spark extension's BinaryPredictor. */
  private static final String ARRAYS_TRANSLATOR =
      "ai.djl.spark.translator.binary.NpBinaryTranslator";

  /** The package of the DJL Spark extension, whose tasks cannot close a model. */
  private static final String SPARK_EXTENSION = "ai.djl.spark.";

  private final Engine djlEngine;
  private final Device requested;
  private volatile EditEngine engine;
  private volatile boolean closed;
  private volatile boolean closable = true;

  /**
   * @param device null for the first GPU, or for the CPU if there is no GPU
   */
  GlmImageModel(String name, Engine djlEngine, Device device) {
    super(name);
    this.djlEngine = djlEngine;
    this.requested = device;
    manager = new PassthroughNDManager(djlEngine, device == null ? Device.cpu() : device);
    dataType = DataType.FLOAT32;
  }

  /**
   * @param prefix ignored: a checkpoint has fixed file names
   * @throws MalformedModelException if the checkpoint is incomplete, damaged or of another
   *     architecture
   * @throws IllegalArgumentException for an unknown option, device or precision
   * @throws io.glmimage.error.DeviceException if libtorch cannot use the GPU
   */
  @Override
  public void load(Path modelPath, String prefix, Map<String, ?> options)
      throws MalformedModelException {
    if (engine != null || closed) {
      throw new IllegalStateException(
          "Cannot load model " + modelName + ": it is " + (closed ? "closed" : "loaded already"));
    }
    Map<String, ?> given = options == null ? Map.of() : options;
    EngineSettings settings =
        EngineSettings.of(resolveDevice(deviceName(given)))
            .withPrecision(precision(given))
            .withMemory(MemoryRule.STANDARD.withBudget(gpuMemory(given)));
    closable = !calledBySparkExtension();
    setModelDir(modelPath);
    try {
      engine = open(modelDir, adapters(given), settings);
    } catch (CheckpointException e) {
      throw new MalformedModelException(e.getMessage(), e);
    }
    manager = new PassthroughNDManager(djlEngine, DjlDevices.toDevice(settings.device()));
    dataType = settings.device().equals(DeviceName.CPU) ? DataType.FLOAT32 : DataType.BFLOAT16;
    block = new EditBlock(engine);
    wasLoaded = true;
  }

  private static boolean calledBySparkExtension() {
    return StackWalker.getInstance()
        .walk(frames -> frames.anyMatch(at -> at.getClassName().startsWith(SPARK_EXTENSION)));
  }

  private Precision precision(Map<String, ?> options) {
    String given = given(options, PRECISION);
    return given == null ? Precision.AUTO : Precision.parse(given);
  }

  /** In GB, as {@code --gpu-memory}. */
  private long gpuMemory(Map<String, ?> options) {
    String given = given(options, GPU_MEMORY);
    return given == null ? 0 : MemoryRule.parseBudget("option " + GPU_MEMORY, given);
  }

  private List<AdapterSpec> adapters(Map<String, ?> options) {
    String given = given(options, LORA);
    return given == null
        ? List.of()
        : AdapterSpec.parseAll("option " + LORA, List.of(given.split(",", -1)));
  }

  private DeviceName deviceName(Map<String, ?> options) {
    Set<String> unknown = new TreeSet<>(options.keySet());
    unknown.remove(DEVICE);
    unknown.remove(PRECISION);
    unknown.remove(LORA);
    unknown.remove(GPU_MEMORY);
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
              + ", "
              + LORA
              + ", "
              + GPU_MEMORY
              + " and "
              + MODEL_NAME);
    }
    DeviceName asked = DjlDevices.toName(requested);
    String given = given(options, DEVICE);
    if (given == null) {
      return asked;
    }
    DeviceName option = DeviceName.parse(given);
    if (requested != null && !option.equals(asked)) {
      throw conflict(DEVICE, option.toString(), "optDevice", asked.toString());
    }
    return option;
  }

  /** An option, or the argument of the same name. DJL has made arguments properties. */
  private String given(Map<String, ?> options, String name) {
    String option = options.get(name) == null ? null : options.get(name).toString();
    String argument = getProperty(name);
    if (option != null && argument != null && !option.equals(argument)) {
      throw conflict(name, option, "the argument or URL", argument);
    }
    return option == null ? argument : option;
  }

  private IllegalArgumentException conflict(
      String option, String value, String other, String otherValue) {
    return new IllegalArgumentException(
        String.format(
            "Cannot load model %s: the option %s says %s, %s says %s",
            modelName, option, value, other, otherValue));
  }

  DeviceName resolveDevice(DeviceName name) {
    return GlmImageEngine.resolveDevice(name.isOpen() ? TaskDevices.or(name) : name);
  }

  EditEngine open(Path folder, List<AdapterSpec> specs, EngineSettings settings) {
    try {
      Path real = folder.toRealPath();
      // A folder that has changed since it was loaded counts as another model.
      String version = CheckpointListing.read(new LocalFileSource(real)).version();
      List<Adapter> adapters = new ArrayList<>();
      List<String> versions = new ArrayList<>();
      for (AdapterSpec spec : specs) {
        LocalFileSource source = new LocalFileSource(Path.of(spec.location()));
        versions.add(CheckpointListing.readAdapter(source).version() + "=" + spec.scale());
        adapters.add(new Adapter(Path.of(spec.location()), spec.location(), spec.scale()));
      }
      return LoadedModels.ofProcess()
          .share(
              new LoadedModels.Key(
                  LoadedModels.Checkpoint.of(version, settings, versions), settings.device()),
              progress -> GlmImageEngine.load(real, adapters, settings, progress));
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot load model " + folder + ": " + e.getMessage(), e);
    }
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
      // This engine has no arrays to decode. The JSON form has the same types.
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

  /**
   * Releases the engine of a model that was left open. The inherited method would also warn about
   * closed models.
   */
  @Override
  @SuppressWarnings({"deprecation", "Finalize"})
  protected void finalize() {
    if (engine instanceof LoadedModels.Share share) {
      if (closable) {
        LOG.warn("Model {} was not closed", modelName);
      }
      share.abandon();
    }
    close();
  }
}
