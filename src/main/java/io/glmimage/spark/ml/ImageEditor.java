package io.glmimage.spark.ml;

import io.glmimage.error.UsageException;
import io.glmimage.io.HadoopSettings;
import io.glmimage.io.Storage;
import io.glmimage.manifest.EditDefaults;
import io.glmimage.output.EditedImageEncoder;
import io.glmimage.output.EditedImageFormat;
import io.glmimage.request.EditRequest;
import io.glmimage.request.LargeSources;
import io.glmimage.request.Sizing;
import io.glmimage.spark.engine.CheckpointModel;
import io.glmimage.spark.engine.DjlModel;
import io.glmimage.spark.engine.EngineOptions;
import io.glmimage.spark.engine.GlmImagePlugin;
import io.glmimage.spark.engine.GpuAssignment;
import io.glmimage.spark.engine.ModelRef;
import io.glmimage.spark.results.EditedImageOptions;
import io.glmimage.spark.weights.WeightsMode;
import io.glmimage.tensor.DeviceName;
import io.glmimage.tensor.Precision;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.ml.Transformer;
import org.apache.spark.ml.param.BooleanParam;
import org.apache.spark.ml.param.DoubleParam;
import org.apache.spark.ml.param.IntParam;
import org.apache.spark.ml.param.LongParam;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.ml.param.ParamValidators;
import org.apache.spark.ml.param.StringArrayParam;
import org.apache.spark.ml.util.DefaultParamsReadable;
import org.apache.spark.ml.util.DefaultParamsWritable;
import org.apache.spark.ml.util.Identifiable;
import org.apache.spark.ml.util.MLReader;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.ByteType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.DecimalType;
import org.apache.spark.sql.types.IntegerType;
import org.apache.spark.sql.types.LongType;
import org.apache.spark.sql.types.ShortType;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.sql.types.StructType;
import scala.Function1;

/**
 * A Spark ML transformer that edits images by prompts:
 *
 * <pre>{@code
 * Dataset<Row> edited =
 *     new ImageEditor()
 *         .setInputCols("image")
 *         .setPromptCol("prompt")
 *         .setOutputCol("edited")
 *         .setModelUrl("s3a://bucket/GLM-Image")
 *         .transform(rows);
 * }</pre>
 *
 * <p>It adds three columns: the edited image (null for a failed row), a status ({@code OK} or
 * {@code FAILED}) and an error message (null for {@code OK}). A row that fails does not affect the
 * others. Other failures fail the Spark job: the model does not load, the output folder cannot be
 * written, or the device is lost.
 *
 * <table>
 * <caption>Parameters</caption>
 * <tr><th>name</th><th>default</th><th>meaning</th></tr>
 * <tr><td>inputCols</td><td>none</td><td>the source images, in this order: columns of paths, of
 *     image files, of arrays of either, or of Spark's image data source. Nulls are skipped; a row
 *     without any source image fails. No columns: text-to-image</td></tr>
 * <tr><td>promptCol</td><td>prompt</td><td>the prompt; a null or blank prompt fails the
 *     row</td></tr>
 * <tr><td>idCol</td><td>none</td><td>an id that decides the seed of the row; null or blank for
 *     none</td></tr>
 * <tr><td>seedCol</td><td>none</td><td>the seed of the row; null for none</td></tr>
 * <tr><td>outputCol</td><td>edited</td><td>the edited image</td></tr>
 * <tr><td>statusCol, errorCol</td><td>status, error</td><td>the outcome of the row</td></tr>
 * <tr><td>engine</td><td>GlmImage</td><td>the DJL engine</td></tr>
 * <tr><td>modelUrl</td><td>the embedded model; on a cluster it must be set</td><td>a checkpoint
 *     folder on any Hadoop file system, {@code demo} for the embedded model, or another URL that
 *     DJL loads</td></tr>
 * <tr><td>device</td><td>auto</td><td>{@code auto}, {@code cpu}, {@code cuda} or {@code cuda:N};
 *     {@code auto} and {@code cuda} take the GPU that Spark assigned to the task</td></tr>
 * <tr><td>precision</td><td>auto</td><td>{@code auto}, or {@code fp8}: the large linear layers in
 *     8-bit floating point, faster and less exact</td></tr>
 * <tr><td>weights</td><td>broadcast</td><td>how the model reaches the executors, as the job's option
 *     {@code --weights}: {@code broadcast}, {@code direct} or {@code local:PATH}. If it is not set,
 *     {@code spark.glmimage.weights} is used; the cache settings {@code spark.glmimage.weights.*}
 *     apply as well. DJL itself distributes the models that it loads (other engines, {@code djl:},
 *     {@code http:})</td></tr>
 * <tr><td>batchSize</td><td>8</td><td>number of rows that go through the model together; the edited
 *     images do not depend on it</td></tr>
 * <tr><td>numInferenceSteps, guidanceScale</td><td>50, 1.5</td><td>denoising steps,
 *     classifier-free guidance</td></tr>
 * <tr><td>stepCache</td><td>0</td><td>recompute the transformer blocks only after the time embedding
 *     has moved by this fraction (0 to 1) of its total change: faster, less exact; 0 recomputes
 *     them in every step</td></tr>
 * <tr><td>height, width</td><td>those of the first source image (text-to-image: 1024)</td><td>output
 *     size in pixels</td></tr>
 * <tr><td>exactSize</td><td>true</td><td>whether the edited image has exactly the size asked for, or
 *     that of the first source image, and is aligned with it; otherwise sides are rounded down to
 *     multiples of 32</td></tr>
 * <tr><td>largeSources</td><td>fit</td><td>for a first source image that is larger than the model
 *     takes, and no size: {@code fit} (the edited image is smaller), {@code fail} or {@code upscale}
 *     (resized to the size of the source)</td></tr>
 * <tr><td>seed</td><td>0</td><td>base of the seeds of rows that give none; see below</td></tr>
 * <tr><td>imageFormat</td><td>png</td><td>{@code png}, {@code jpeg} or {@code webp}</td></tr>
 * <tr><td>quality</td><td>92</td><td>of JPEG and WebP, 1 to 100</td></tr>
 * <tr><td>outputFormat</td><td>binary</td><td>{@code binary}: the bytes of the edited image's file;
 *     {@code path}: the path of its file</td></tr>
 * <tr><td>outputPath</td><td>none</td><td>the folder for {@code path}. File names are digests of
 *     the files, so that a repeated task writes the same files again</td></tr>
 * </table>
 *
 * <p>The seed of a row never depends on partitions or on the order of the rows. It comes from the
 * first of these that the row has:
 *
 * <ol>
 *   <li>a seed in {@code seedCol};
 *   <li>an id in {@code idCol}, combined with {@code seed};
 *   <li>image paths in all input columns, or no input columns: the prompt and the paths as given,
 *       combined with {@code seed};
 *   <li>otherwise the prompt and the pixels of the source images, combined with {@code seed}.
 * </ol>
 *
 * <p>In cases 1 to 3 the job gives the same row the same seed, and so the same edited image. Its
 * options {@code --seed}, {@code --steps} and so on must equal the parameters here. Case 3 requires
 * that the manifest has no further columns of settings. It also requires that the row is the first
 * of its kind: the job gives equal rows different seeds. DJL requests agree in cases 1, 2 and 4,
 * and for text-to-image, with {@code seed} 0. Only case 4 has no counterpart in the job, because a
 * manifest has paths.
 *
 * <p>Nothing is edited before an action asks for rows, and a dataset that is read twice is edited
 * twice: {@code persist} or write it. The driver therefore sends the model to executors that ask
 * for it until the Spark session ends. Each executor loads the model once for each of its devices;
 * tasks on the same device take turns.
 */
public class ImageEditor extends Transformer implements DefaultParamsWritable {
  private static final long serialVersionUID = 1L;

  private static final String BINARY = "binary";
  private static final String PATH = "path";

  /** Encodings of edited images by their names. */
  private static final Map<String, EditedImageFormat> FORMATS =
      Arrays.stream(EditedImageFormat.values())
          .collect(
              Collectors.toMap(
                  EditedImageFormat::label, format -> format, (a, b) -> a, LinkedHashMap::new));

  private final String uid;
  private final StringArrayParam inputCols;
  private final Param<String> promptCol;
  private final Param<String> idCol;
  private final Param<String> seedCol;
  private final Param<String> outputCol;
  private final Param<String> statusCol;
  private final Param<String> errorCol;
  private final Param<String> engine;
  private final Param<String> modelUrl;
  private final Param<String> device;
  private final Param<String> precision;
  private final Param<String> weights;
  private final IntParam batchSize;
  private final IntParam numInferenceSteps;
  private final DoubleParam guidanceScale;
  private final DoubleParam stepCache;
  private final IntParam height;
  private final IntParam width;
  private final BooleanParam exactSize;
  private final Param<String> largeSources;
  private final LongParam seed;
  private final Param<String> imageFormat;
  private final IntParam quality;
  private final Param<String> outputFormat;
  private final Param<String> outputPath;

  public ImageEditor() {
    this(Identifiable.randomUID("ImageEditor"));
  }

  /**
   * @param uid identifies this stage among the stages of a pipeline
   */
  @SuppressWarnings("this-escape") // Spark ML's parameters refer to their owner.
  public ImageEditor(String uid) {
    this.uid = uid;
    inputCols = new StringArrayParam(this, "inputCols", "the columns of the source images");
    promptCol = text("promptCol", "the column of the prompts");
    idCol = text("idCol", "the column of the ids that decide the seeds of rows without one");
    seedCol = text("seedCol", "the column of the seeds");
    outputCol = text("outputCol", "the column for the edited images");
    statusCol = text("statusCol", "the column for OK or FAILED");
    errorCol = text("errorCol", "the column for the error messages");
    engine = text("engine", "the DJL engine");
    modelUrl =
        text("modelUrl", "the checkpoint folder or DJL model URL; without it, the embedded model");
    Function1<String, Object> isDevice = DeviceName::isValid;
    device = new Param<>(this, "device", "auto, cpu, cuda or cuda:N", isDevice);
    Function1<String, Object> isPrecision = Precision::isValid;
    precision = new Param<>(this, "precision", "auto or fp8", isPrecision);
    Function1<String, Object> isMode = WeightsMode::isValid;
    weights =
        new Param<>(
            this, "weights", "how the model reaches the executors: " + WeightsMode.SYNTAX, isMode);
    batchSize =
        new IntParam(
            this,
            "batchSize",
            "number of rows that go through the model together",
            ParamValidators.gt(0));
    numInferenceSteps =
        new IntParam(this, "numInferenceSteps", "denoising steps", ParamValidators.gt(0));
    guidanceScale =
        new DoubleParam(this, "guidanceScale", "classifier-free guidance", ParamValidators.gtEq(0));
    stepCache =
        new DoubleParam(
            this,
            "stepCache",
            "fraction of the schedule over which the output of the transformer blocks is reused",
            ParamValidators.inRange(0, EditDefaults.MAX_STEP_CACHE));
    height = new IntParam(this, "height", "output height in pixels", ParamValidators.gt(0));
    width = new IntParam(this, "width", "output width in pixels", ParamValidators.gt(0));
    exactSize =
        new BooleanParam(this, "exactSize", "whether edited images have exactly the wanted size");
    largeSources =
        new Param<>(
            this,
            "largeSources",
            String.join(", ", LargeSources.labels()),
            ParamValidators.inArray(LargeSources.labels()));
    seed = new LongParam(this, "seed", "base of the seeds of rows that give none");
    imageFormat =
        new Param<>(
            this,
            "imageFormat",
            String.join(", ", FORMATS.keySet()),
            ParamValidators.inArray(List.copyOf(FORMATS.keySet())));
    quality =
        new IntParam(this, "quality", "quality of JPEG and WebP", ParamValidators.inRange(1, 100));
    outputFormat =
        new Param<>(
            this, "outputFormat", "binary or path", ParamValidators.inArray(List.of(BINARY, PATH)));
    outputPath = text("outputPath", "the folder for the output format path");
    setDefault(inputCols, new String[0]);
    setDefault(promptCol, "prompt");
    setDefault(outputCol, "edited");
    setDefault(statusCol, "status");
    setDefault(errorCol, "error");
    setDefault(engine, "GlmImage");
    setDefault(device, DeviceName.AUTO.toString());
    setDefault(precision, Precision.AUTO.toString());
    setDefault(batchSize, 8);
    setDefault(numInferenceSteps, EditRequest.DEFAULT_STEPS);
    setDefault(guidanceScale, EditRequest.DEFAULT_GUIDANCE_SCALE);
    setDefault(stepCache, EditRequest.DEFAULT_STEP_CACHE);
    setDefault(exactSize, Sizing.DEFAULT.exact());
    setDefault(largeSources, Sizing.DEFAULT.largeSources().label());
    setDefault(seed, 0L);
    setDefault(imageFormat, EditedImageFormat.PNG.label());
    setDefault(quality, EditedImageOptions.DEFAULT_QUALITY);
    setDefault(outputFormat, BINARY);
  }

  @Override
  public String uid() {
    return uid;
  }

  /** Reads a saved editor. Spark ML finds this method by its name. */
  public static MLReader<ImageEditor> read() {
    return new Editors().read();
  }

  /** Reads a saved editor. */
  public static ImageEditor load(String path) {
    return read().load(path);
  }

  private static final class Editors implements DefaultParamsReadable<ImageEditor> {}

  @Override
  public ImageEditor copy(ParamMap extra) {
    return defaultCopy(extra);
  }

  /**
   * The columns of the input and the three new ones.
   *
   * @throws IllegalArgumentException if a column is missing, has a wrong type, or exists already
   */
  @Override
  public StructType transformSchema(StructType schema) {
    for (String column : getInputCols()) {
      DataType type = type(schema, "input", column);
      check("input", column, type, ImageColumn.of(type).isPresent(), ImageColumn.EXPECTED);
    }
    DataType prompt = type(schema, "prompt", getPromptCol());
    check("prompt", getPromptCol(), prompt, prompt instanceof StringType, "string");
    if (isDefined(idCol)) {
      DataType id = type(schema, "id", getIdCol());
      boolean fits = id instanceof StringType || isWhole(id) || id instanceof DecimalType;
      check("id", getIdCol(), id, fits, "string or an integer type");
    }
    if (isDefined(seedCol)) {
      DataType type = type(schema, "seed", getSeedCol());
      check("seed", getSeedCol(), type, isWhole(type), "an integer type");
    }
    Set<String> names = new HashSet<>(Arrays.asList(schema.fieldNames()));
    for (String added : List.of(getOutputCol(), getStatusCol(), getErrorCol())) {
      if (!names.add(added)) {
        throw new IllegalArgumentException(
            "Cannot edit: the column "
                + added
                + " exists already; choose other names (outputCol, statusCol, errorCol)");
      }
    }
    return schema
        .add(getOutputCol(), writesFiles() ? DataTypes.StringType : DataTypes.BinaryType, true)
        .add(getStatusCol(), DataTypes.StringType, false)
        .add(getErrorCol(), DataTypes.StringType, true);
  }

  private static boolean isWhole(DataType type) {
    return type instanceof ByteType
        || type instanceof ShortType
        || type instanceof IntegerType
        || type instanceof LongType;
  }

  private static void check(
      String role, String column, DataType type, boolean fits, String expected) {
    if (!fits) {
      throw new IllegalArgumentException(
          "Cannot edit: "
              + role
              + " column "
              + column
              + " is of type "
              + type.simpleString()
              + ", expected "
              + expected);
    }
  }

  private static DataType type(StructType schema, String role, String column) {
    List<String> names = Arrays.asList(schema.fieldNames());
    if (!names.contains(column)) {
      throw new IllegalArgumentException(
          "Cannot edit: there is no "
              + role
              + " column "
              + column
              + "; the columns are "
              + String.join(", ", names));
    }
    return schema.fields()[names.indexOf(column)].dataType();
  }

  /**
   * Adds the new columns. Rows are edited when an action asks for them.
   *
   * @throws IllegalArgumentException if columns or parameters do not fit
   * @throws UsageException if the model folder does not exist, or none is set on a cluster
   */
  @Override
  public Dataset<Row> transform(Dataset<?> dataset) {
    StructType schema = dataset.schema();
    StructType edited = transformSchema(schema);
    JavaSparkContext context =
        JavaSparkContext.fromSparkContext(dataset.sparkSession().sparkContext());
    HadoopSettings hadoop = new HadoopSettings(context.hadoopConfiguration());
    ModelRef model = model(context.getConf());
    model.check(hadoop.storage());
    List<EditorSettings.Source> sources = new ArrayList<>();
    for (String column : getInputCols()) {
      int position = schema.fieldIndex(column);
      DataType type = schema.fields()[position].dataType();
      sources.add(new EditorSettings.Source(column, position, ImageColumn.of(type).orElseThrow()));
    }
    EditorSettings settings =
        new EditorSettings(
            new EditorSettings.Columns(
                sources,
                schema.fieldIndex(getPromptCol()),
                optional(idCol).map(schema::fieldIndex).orElse(null),
                optional(seedCol).map(schema::fieldIndex).orElse(null)),
            new EditorSettings.Parameters(
                optional(height).map(Integer.class::cast).orElse(null),
                optional(width).map(Integer.class::cast).orElse(null),
                getNumInferenceSteps(),
                getGuidanceScale(),
                getStepCache(),
                getSeed(),
                new Sizing(
                    getExactSize(),
                    LargeSources.of(getLargeSources()).orElseThrow(),
                    Sizing.DEFAULT_MAX_PIXELS)),
            getBatchSize(),
            new EditedImageEncoder(FORMATS.get(getImageFormat()), getQuality(), ""),
            writesFiles() ? outputFolder(hadoop.storage()) : null);
    // Spark's cleaner removes the broadcast with the dataset: the last action is not known here.
    Broadcast<HadoopSettings> shared = context.broadcast(hadoop);
    MapPartitionsFunction<Row, Row> task =
        new EditorTask(
            settings,
            model.forSession(dataset.sparkSession()),
            DeviceName.parse(getDevice()),
            shared);
    return dataset.toDF().mapPartitions(task, Encoders.row(edited));
  }

  private boolean writesFiles() {
    return getOutputFormat().equals(PATH);
  }

  private String outputFolder(Storage storage) {
    String folder =
        optional(outputPath)
            .orElseThrow(
                () ->
                    new IllegalArgumentException(
                        "Cannot write edited images: the output format is path, but outputPath is"
                            + " not set; set it to a folder"));
    try {
      return storage.qualified(folder);
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot write edited images to " + folder, e);
    }
  }

  ModelRef model(SparkConf conf) {
    String model = optional(modelUrl).orElse(null);
    if (getEngine().equals(DjlModel.OWN_ENGINE) && !DjlModel.isReadByDjl(model)) {
      if (model == null && conf.contains("spark.master") && !GpuAssignment.isLocal(conf)) {
        throw new UsageException(
            "Cannot edit on a cluster without modelUrl: the default is "
                + EngineOptions.DEMO_NOTE
                + ". Set modelUrl to a GLM-Image checkpoint, or to demo for the demonstration"
                + " model");
      }
      EngineOptions session = GlmImagePlugin.options(conf);
      WeightsMode mode = optional(weights).map(WeightsMode::parse).orElse(session.weights());
      return new CheckpointModel(
          new EngineOptions(
              model,
              DeviceName.parse(getDevice()),
              Precision.parse(getPrecision()),
              session.kernels(),
              mode,
              session.cache(),
              false));
    }
    if (isDefined(weights)) {
      throw new IllegalArgumentException(
          "Cannot use weights "
              + getWeights()
              + ": DJL itself loads "
              + (model == null ? "the model of engine " + getEngine() : model)
              + " on the executors; do not set weights");
    }
    return new DjlModel(getEngine(), model, Precision.parse(getPrecision()));
  }

  private Param<String> text(String name, String doc) {
    return new Param<>(this, name, doc);
  }

  private <T> Optional<T> optional(Param<T> param) {
    return isDefined(param) ? Optional.of(getOrDefault(param)) : Optional.empty();
  }

  // Spark ML finds parameters by methods of the same name, Python by getters and setters.

  public StringArrayParam inputCols() {
    return inputCols;
  }

  public String[] getInputCols() {
    return getOrDefault(inputCols);
  }

  public ImageEditor setInputCols(String... columns) {
    set(inputCols, columns);
    return this;
  }

  public Param<String> promptCol() {
    return promptCol;
  }

  public String getPromptCol() {
    return getOrDefault(promptCol);
  }

  public ImageEditor setPromptCol(String value) {
    set(promptCol, value);
    return this;
  }

  public Param<String> idCol() {
    return idCol;
  }

  /**
   * @throws java.util.NoSuchElementException if it is not set
   */
  public String getIdCol() {
    return getOrDefault(idCol);
  }

  public ImageEditor setIdCol(String value) {
    set(idCol, value);
    return this;
  }

  public Param<String> seedCol() {
    return seedCol;
  }

  /**
   * @throws java.util.NoSuchElementException if it is not set
   */
  public String getSeedCol() {
    return getOrDefault(seedCol);
  }

  public ImageEditor setSeedCol(String value) {
    set(seedCol, value);
    return this;
  }

  public Param<String> outputCol() {
    return outputCol;
  }

  public String getOutputCol() {
    return getOrDefault(outputCol);
  }

  public ImageEditor setOutputCol(String value) {
    set(outputCol, value);
    return this;
  }

  public Param<String> statusCol() {
    return statusCol;
  }

  public String getStatusCol() {
    return getOrDefault(statusCol);
  }

  public ImageEditor setStatusCol(String value) {
    set(statusCol, value);
    return this;
  }

  public Param<String> errorCol() {
    return errorCol;
  }

  public String getErrorCol() {
    return getOrDefault(errorCol);
  }

  public ImageEditor setErrorCol(String value) {
    set(errorCol, value);
    return this;
  }

  public Param<String> engine() {
    return engine;
  }

  public String getEngine() {
    return getOrDefault(engine);
  }

  public ImageEditor setEngine(String value) {
    set(engine, value);
    return this;
  }

  public Param<String> modelUrl() {
    return modelUrl;
  }

  /**
   * @throws java.util.NoSuchElementException if it is not set
   */
  public String getModelUrl() {
    return getOrDefault(modelUrl);
  }

  public ImageEditor setModelUrl(String value) {
    set(modelUrl, value);
    return this;
  }

  public Param<String> device() {
    return device;
  }

  public String getDevice() {
    return getOrDefault(device);
  }

  public ImageEditor setDevice(String value) {
    set(device, value);
    return this;
  }

  public Param<String> weights() {
    return weights;
  }

  /**
   * @throws java.util.NoSuchElementException if it is not set
   */
  public String getWeights() {
    return getOrDefault(weights);
  }

  public ImageEditor setWeights(String value) {
    set(weights, value);
    return this;
  }

  public Param<String> imageFormat() {
    return imageFormat;
  }

  public String getImageFormat() {
    return getOrDefault(imageFormat);
  }

  public ImageEditor setImageFormat(String value) {
    set(imageFormat, value);
    return this;
  }

  public IntParam quality() {
    return quality;
  }

  public int getQuality() {
    return (int) getOrDefault(quality);
  }

  public ImageEditor setQuality(int value) {
    set(quality, value);
    return this;
  }

  public Param<String> outputFormat() {
    return outputFormat;
  }

  public String getOutputFormat() {
    return getOrDefault(outputFormat);
  }

  public ImageEditor setOutputFormat(String value) {
    set(outputFormat, value);
    return this;
  }

  public Param<String> outputPath() {
    return outputPath;
  }

  /**
   * @throws java.util.NoSuchElementException if it is not set
   */
  public String getOutputPath() {
    return getOrDefault(outputPath);
  }

  public ImageEditor setOutputPath(String value) {
    set(outputPath, value);
    return this;
  }

  public Param<String> precision() {
    return precision;
  }

  public String getPrecision() {
    return getOrDefault(precision);
  }

  public ImageEditor setPrecision(String value) {
    set(precision, value);
    return this;
  }

  public IntParam batchSize() {
    return batchSize;
  }

  public int getBatchSize() {
    return (int) getOrDefault(batchSize);
  }

  public ImageEditor setBatchSize(int rows) {
    set(batchSize, rows);
    return this;
  }

  public IntParam numInferenceSteps() {
    return numInferenceSteps;
  }

  public int getNumInferenceSteps() {
    return (int) getOrDefault(numInferenceSteps);
  }

  public ImageEditor setNumInferenceSteps(int steps) {
    set(numInferenceSteps, steps);
    return this;
  }

  public DoubleParam guidanceScale() {
    return guidanceScale;
  }

  public double getGuidanceScale() {
    return (double) getOrDefault(guidanceScale);
  }

  public ImageEditor setGuidanceScale(double scale) {
    set(guidanceScale, scale);
    return this;
  }

  public DoubleParam stepCache() {
    return stepCache;
  }

  public double getStepCache() {
    return (double) getOrDefault(stepCache);
  }

  public ImageEditor setStepCache(double fraction) {
    set(stepCache, fraction);
    return this;
  }

  public IntParam height() {
    return height;
  }

  /**
   * @throws java.util.NoSuchElementException if it is not set
   */
  public int getHeight() {
    return (int) getOrDefault(height);
  }

  public ImageEditor setHeight(int pixels) {
    set(height, pixels);
    return this;
  }

  public IntParam width() {
    return width;
  }

  /**
   * @throws java.util.NoSuchElementException if it is not set
   */
  public int getWidth() {
    return (int) getOrDefault(width);
  }

  public ImageEditor setWidth(int pixels) {
    set(width, pixels);
    return this;
  }

  public BooleanParam exactSize() {
    return exactSize;
  }

  public boolean getExactSize() {
    return (boolean) getOrDefault(exactSize);
  }

  public ImageEditor setExactSize(boolean exact) {
    set(exactSize, exact);
    return this;
  }

  public Param<String> largeSources() {
    return largeSources;
  }

  public String getLargeSources() {
    return getOrDefault(largeSources);
  }

  public ImageEditor setLargeSources(String value) {
    set(largeSources, value);
    return this;
  }

  public LongParam seed() {
    return seed;
  }

  public long getSeed() {
    return (long) getOrDefault(seed);
  }

  public ImageEditor setSeed(long value) {
    set(seed, value);
    return this;
  }
}
