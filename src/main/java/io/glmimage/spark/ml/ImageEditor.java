package io.glmimage.spark.ml;

import io.glmimage.io.HadoopSettings;
import io.glmimage.io.Storage;
import io.glmimage.manifest.EditDefaults;
import io.glmimage.request.EditRequest;
import io.glmimage.spark.engine.DjlEngineFactory;
import io.glmimage.spark.engine.EngineFactory;
import io.glmimage.spark.engine.EngineOptions;
import io.glmimage.spark.engine.GlmImagePlugin;
import io.glmimage.spark.engine.ModelEngineFactory;
import io.glmimage.spark.weights.WeightsMode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.ml.Transformer;
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
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
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
 * <p>It adds three columns: the picture (null where there is none), a status ({@code OK} or {@code
 * FAILED}) and the error's message (null for {@code OK}). A row that fails leaves the others alone;
 * what is no row's fault (the model does not load, the output folder cannot be written, the device
 * is lost) fails the Spark job.
 *
 * <table>
 * <caption>Parameters</caption>
 * <tr><th>name</th><th>default</th><th>meaning</th></tr>
 * <tr><td>inputCols</td><td>none</td><td>the source images, in this order: columns of paths, of
 *     image files, of arrays of either, or of Spark's image data source. Nulls are skipped; a row
 *     without any source fails. No columns: text-to-image</td></tr>
 * <tr><td>promptCol</td><td>prompt</td><td>what to do; a null or blank prompt fails the
 *     row</td></tr>
 * <tr><td>outputCol</td><td>edited</td><td>the picture</td></tr>
 * <tr><td>statusCol, errorCol</td><td>status, error</td><td>what became of the row</td></tr>
 * <tr><td>engine</td><td>GlmImage</td><td>the DJL engine</td></tr>
 * <tr><td>modelUrl</td><td>the embedded model</td><td>a checkpoint folder on any Hadoop file
 *     system, or another URL that DJL loads</td></tr>
 * <tr><td>device</td><td>auto</td><td>{@code auto}, {@code cpu}, {@code cuda} or {@code cuda:N};
 *     {@code auto} and {@code cuda} take the GPU that Spark assigned to the task</td></tr>
 * <tr><td>precision</td><td>auto</td><td>{@code auto}, or {@code fp8}: the large linear layers in
 *     8-bit floating point, faster and less exact</td></tr>
 * <tr><td>weights</td><td>broadcast</td><td>how the model comes to the executors, as the job's option
 *     {@code --weights}: {@code broadcast}, {@code direct} or {@code local:PATH}. Where it is not set,
 *     {@code spark.glmimage.weights} is used; the settings {@code spark.glmimage.weights.*} of the
 *     cache hold too. A model that DJL loads (other engines, {@code djl:}, {@code http:}) comes
 *     DJL's way</td></tr>
 * <tr><td>batchSize</td><td>8</td><td>rows that go through the model together; the pictures do not
 *     depend on it</td></tr>
 * <tr><td>numInferenceSteps, guidanceScale</td><td>50, 1.5</td><td>denoising steps,
 *     classifier-free guidance</td></tr>
 * <tr><td>stepCache</td><td>0</td><td>the part of the denoising schedule (0 to 1) that goes by
 *     before the transformer's blocks run again: faster, less exact; 0 runs them in every
 *     step</td></tr>
 * <tr><td>height, width</td><td>the first source's (text-to-image: 1024)</td><td>output size in
 *     pixels</td></tr>
 * <tr><td>seed</td><td>0</td><td>a row's own seed is made of this, its prompt and its sources, so
 *     that pictures do not depend on partitions or order, and equal rows get equal
 *     pictures</td></tr>
 * <tr><td>outputFormat</td><td>binary</td><td>{@code binary}: the picture as a PNG file's bytes;
 *     {@code path}: the path of a PNG file</td></tr>
 * <tr><td>outputPath</td><td>none</td><td>the folder for {@code path}. File names are digests of
 *     the pictures, so that a repeated task writes the same files again</td></tr>
 * </table>
 *
 * <p>Nothing is edited before an action asks for rows, and a dataset that is read twice is edited
 * twice: {@code persist} or write it. So the driver answers executors that ask for the model until
 * the Spark session ends. Each executor loads the model once for each of its devices; tasks on the
 * same device take turns.
 */
public class ImageEditor extends Transformer implements DefaultParamsWritable {
  private static final long serialVersionUID = 1L;

  private static final String BINARY = "binary";
  private static final String PATH = "path";

  private final String uid;
  private final StringArrayParam inputCols;
  private final Param<String> promptCol;
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
  private final LongParam seed;
  private final Param<String> outputFormat;
  private final Param<String> outputPath;

  public ImageEditor() {
    this(Identifiable.randomUID("ImageEditor"));
  }

  /**
   * @param uid names this stage among the stages of a pipeline
   */
  @SuppressWarnings("this-escape") // Spark ML's parameters name their owner.
  public ImageEditor(String uid) {
    this.uid = uid;
    inputCols = new StringArrayParam(this, "inputCols", "the columns of the source images");
    promptCol = text("promptCol", "the column of the prompts");
    outputCol = text("outputCol", "the column for the pictures");
    statusCol = text("statusCol", "the column for OK or FAILED");
    errorCol = text("errorCol", "the column for the errors' messages");
    engine = text("engine", "the DJL engine");
    modelUrl =
        text("modelUrl", "the checkpoint folder or DJL model URL; without it, the embedded model");
    Function1<String, Object> isDevice = name -> name.matches(EngineOptions.DEVICES);
    device = new Param<>(this, "device", "auto, cpu, cuda or cuda:N", isDevice);
    Function1<String, Object> isPrecision = EngineOptions::isPrecision;
    precision = new Param<>(this, "precision", "auto or fp8", isPrecision);
    Function1<String, Object> isPlan = WeightsMode::isValid;
    weights =
        new Param<>(
            this, "weights", "how the model comes to the executors: " + WeightsMode.SYNTAX, isPlan);
    batchSize =
        new IntParam(
            this, "batchSize", "rows that go through the model together", ParamValidators.gt(0));
    numInferenceSteps =
        new IntParam(this, "numInferenceSteps", "denoising steps", ParamValidators.gt(0));
    guidanceScale =
        new DoubleParam(this, "guidanceScale", "classifier-free guidance", ParamValidators.gtEq(0));
    stepCache =
        new DoubleParam(
            this,
            "stepCache",
            "part of the schedule over which the blocks' results are reused",
            ParamValidators.inRange(0, EditDefaults.MAX_STEP_CACHE));
    height = new IntParam(this, "height", "the pictures' height in pixels", ParamValidators.gt(0));
    width = new IntParam(this, "width", "the pictures' width in pixels", ParamValidators.gt(0));
    seed = new LongParam(this, "seed", "what the rows' seeds are made of, besides their content");
    outputFormat =
        new Param<>(
            this, "outputFormat", "binary or path", ParamValidators.inArray(List.of(BINARY, PATH)));
    outputPath = text("outputPath", "the folder for pictures of the output format path");
    setDefault(inputCols, new String[0]);
    setDefault(promptCol, "prompt");
    setDefault(outputCol, "edited");
    setDefault(statusCol, "status");
    setDefault(errorCol, "error");
    setDefault(engine, "GlmImage");
    setDefault(device, EngineOptions.DEFAULT_DEVICE);
    setDefault(precision, EngineOptions.DEFAULT_PRECISION);
    setDefault(batchSize, 8);
    setDefault(numInferenceSteps, EditRequest.DEFAULT_STEPS);
    setDefault(guidanceScale, EditRequest.DEFAULT_GUIDANCE_SCALE);
    setDefault(stepCache, EditRequest.DEFAULT_STEP_CACHE);
    setDefault(seed, 0L);
    setDefault(outputFormat, BINARY);
  }

  @Override
  public String uid() {
    return uid;
  }

  /** Reads a saved editor; pipelines find this method by its name. */
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
   * The input's columns and the three new ones.
   *
   * @throws IllegalArgumentException if a column is missing, of a wrong type, or there already
   */
  @Override
  public StructType transformSchema(StructType schema) {
    for (String column : getInputCols()) {
      DataType type = type(schema, "input", column);
      if (ImageColumn.of(type).isEmpty()) {
        throw new IllegalArgumentException(
            "Cannot edit: input column "
                + column
                + " is of type "
                + type.simpleString()
                + ", expected "
                + ImageColumn.EXPECTED);
      }
    }
    DataType prompt = type(schema, "prompt", getPromptCol());
    if (!(prompt instanceof StringType)) {
      throw new IllegalArgumentException(
          "Cannot edit: prompt column "
              + getPromptCol()
              + " is of type "
              + prompt.simpleString()
              + ", expected string");
    }
    Set<String> names = new HashSet<>(Arrays.asList(schema.fieldNames()));
    for (String added : List.of(getOutputCol(), getStatusCol(), getErrorCol())) {
      if (!names.add(added)) {
        throw new IllegalArgumentException(
            "Cannot edit: there is a column "
                + added
                + " already; choose other names (outputCol, statusCol, errorCol)");
      }
    }
    return schema
        .add(getOutputCol(), writesFiles() ? DataTypes.StringType : DataTypes.BinaryType, true)
        .add(getStatusCol(), DataTypes.StringType, false)
        .add(getErrorCol(), DataTypes.StringType, true);
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
   * Adds the new columns; rows are edited when they are asked for.
   *
   * @throws IllegalArgumentException if columns or parameters do not fit
   * @throws io.glmimage.error.UsageException if there is no such model folder
   */
  @Override
  public Dataset<Row> transform(Dataset<?> dataset) {
    StructType schema = dataset.schema();
    StructType edited = transformSchema(schema);
    JavaSparkContext context =
        JavaSparkContext.fromSparkContext(dataset.sparkSession().sparkContext());
    HadoopSettings hadoop = new HadoopSettings(context.hadoopConfiguration());
    EngineFactory engines = engines(context.getConf());
    engines.check(hadoop.storage());
    List<EditorTask.Source> sources = new ArrayList<>();
    for (String column : getInputCols()) {
      int position = schema.fieldIndex(column);
      DataType type = schema.fields()[position].dataType();
      sources.add(new EditorTask.Source(column, position, ImageColumn.of(type).orElseThrow()));
    }
    // Spark's cleaner removes it with the dataset: when rows are asked for is not known here.
    Broadcast<HadoopSettings> settings = context.broadcast(hadoop);
    MapPartitionsFunction<Row, Row> task =
        new EditorTask(
            new EditorTask.Settings(
                sources,
                schema.fieldIndex(getPromptCol()),
                optional(height).map(Integer.class::cast).orElse(null),
                optional(width).map(Integer.class::cast).orElse(null),
                getNumInferenceSteps(),
                getGuidanceScale(),
                getStepCache(),
                getSeed(),
                getBatchSize(),
                writesFiles() ? outputFolder(hadoop.storage()) : null),
            engines.forSession(dataset.sparkSession()),
            getDevice(),
            settings);
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
                        "Cannot write pictures: the output format is path, but there is no"
                            + " outputPath; set the folder"));
    try {
      return storage.qualified(folder);
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot write pictures to " + folder, e);
    }
  }

  EngineFactory engines(SparkConf conf) {
    String model = optional(modelUrl).orElse(null);
    if (getEngine().equals(DjlEngineFactory.OWN_ENGINE) && !DjlEngineFactory.isDjls(model)) {
      EngineOptions session = GlmImagePlugin.options(conf);
      WeightsMode plan = optional(weights).map(WeightsMode::parse).orElse(session.weights());
      return new ModelEngineFactory(
          new EngineOptions(
              model, getDevice(), getPrecision(), session.kernels(), plan, session.cache(), false));
    }
    if (isDefined(weights)) {
      throw new IllegalArgumentException(
          "Cannot use weights "
              + getWeights()
              + ": DJL brings "
              + (model == null ? "the model of engine " + getEngine() : model)
              + " to the executors itself; leave weights out");
    }
    return new DjlEngineFactory(getEngine(), model, getPrecision());
  }

  private Param<String> text(String name, String doc) {
    return new Param<>(this, name, doc);
  }

  private <T> Optional<T> optional(Param<T> param) {
    return isDefined(param) ? Optional.of(getOrDefault(param)) : Optional.empty();
  }

  // Spark ML finds parameters by methods of their names, and Python by getters and setters.

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

  public ImageEditor setStepCache(double part) {
    set(stepCache, part);
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
