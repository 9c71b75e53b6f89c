package io.glmimage.spark.ml;

import io.glmimage.error.UsageException;
import io.glmimage.image.SourceOptions;
import io.glmimage.io.HadoopSettings;
import io.glmimage.io.Storage;
import io.glmimage.manifest.EditDefaults;
import io.glmimage.output.EditedImageEncoder;
import io.glmimage.output.EditedImageFormat;
import io.glmimage.quality.QualityLimits;
import io.glmimage.quality.QualityOptions;
import io.glmimage.request.LargeSources;
import io.glmimage.request.Preset;
import io.glmimage.request.Solver;
import io.glmimage.spark.engine.CheckpointModel;
import io.glmimage.spark.engine.DjlModel;
import io.glmimage.spark.engine.EngineOptions;
import io.glmimage.spark.engine.GlmImagePlugin;
import io.glmimage.spark.engine.GpuAssignment;
import io.glmimage.spark.engine.ModelRef;
import io.glmimage.spark.weights.WeightsMode;
import io.glmimage.tensor.DeviceName;
import io.glmimage.tensor.Precision;
import io.glmimage.weights.AdapterSpec;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.ml.util.DefaultParamsReadable;
import org.apache.spark.ml.util.Identifiable;
import org.apache.spark.ml.util.MLReader;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.StructType;

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
 * <p>It adds four columns: the edited image (null for a failed row), a status ({@code OK} or {@code
 * FAILED}), an error message (null for {@code OK}) and the quality figures (null for a failed row).
 * A row that fails does not affect the others. Other failures fail the Spark job: the model does
 * not load, the output folder cannot be written, or the device is lost.
 *
 * <table>
 * <caption>Parameters</caption>
 * <tr><th>name</th><th>default</th><th>meaning</th></tr>
 * <tr><td>inputCols</td><td>none</td><td>the source images, in this order: columns of paths, of
 *     image files, of arrays of either, or of Spark's image data source. Nulls are skipped; a row
 *     without any source image fails. No columns: text-to-image</td></tr>
 * <tr><td>promptCol</td><td>prompt</td><td>the prompt; a null or blank prompt fails the
 *     row</td></tr>
 * <tr><td>maskCol</td><td>none</td><td>a mask of the size of the first source image: its path or its
 *     file. Only what is white, or opaque, may change; everything else stays as it is in the source.
 *     Null or blank for none</td></tr>
 * <tr><td>idCol</td><td>none</td><td>an id that decides the seed of the row; null or blank for
 *     none</td></tr>
 * <tr><td>seedCol</td><td>none</td><td>the seed of the row; null for none</td></tr>
 * <tr><td>outputCol</td><td>edited</td><td>the edited image</td></tr>
 * <tr><td>statusCol, errorCol</td><td>status, error</td><td>the outcome of the row</td></tr>
 * <tr><td>figuresCol</td><td>figures</td><td>a struct with {@code quality} ({@code OK}, {@code
 *     UNCHANGED}, {@code DESTROYED} or {@code FLAT}), {@code changed_fraction}, {@code ssim}, {@code
 *     psnr}, {@code flatness}, {@code scale} and {@code seed}, as in the job's result table. An empty
 *     name leaves the column out</td></tr>
 * <tr><td>engine</td><td>GlmImage</td><td>the DJL engine</td></tr>
 * <tr><td>modelUrl</td><td>the embedded model; on a cluster it must be set</td><td>a checkpoint
 *     folder on any Hadoop file system, {@code demo} for the embedded model, or another URL that
 *     DJL loads</td></tr>
 * <tr><td>lora</td><td>none</td><td>LoRA adapters that are merged into the model, each {@code FOLDER}
 *     or {@code FOLDER=SCALE}, on any Hadoop file system</td></tr>
 * <tr><td>device</td><td>auto</td><td>{@code auto}, {@code cpu}, {@code cuda} or {@code cuda:N};
 *     {@code auto} and {@code cuda} take the GPU that Spark assigned to the task</td></tr>
 * <tr><td>precision</td><td>auto (see preset)</td><td>{@code auto}; {@code fp8}: the large linear layers in
 *     8-bit floating point, faster and less exact; or {@code prior-int8}: the weights of the prior in
 *     8 bits, for small GPUs</td></tr>
 * <tr><td>weights</td><td>broadcast</td><td>how the model reaches the executors, as the job's option
 *     {@code --weights}: {@code broadcast}, {@code direct} or {@code local:PATH}. If it is not set,
 *     {@code spark.glmimage.weights} is used; the cache settings {@code spark.glmimage.weights.*}
 *     apply as well. DJL itself distributes the models that it loads (other engines, {@code djl:},
 *     {@code http:})</td></tr>
 * <tr><td>batchSize</td><td>8</td><td>most rows that a task has in memory: being read or edited, or
 *     waiting to be asked for. The edited images do not depend on it</td></tr>
 * <tr><td>preset</td><td>exact</td><td>tested combination of {@code precision}, {@code solver} and
 *     {@code numInferenceSteps}: {@code exact} (auto, euler, 50), {@code balanced} (auto, multistep2,
 *     10) or {@code fast} (auto, multistep2, 6). A parameter that is set as well replaces its
 *     part</td></tr>
 * <tr><td>numInferenceSteps, guidanceScale</td><td>50 (see preset), 1.5</td><td>denoising steps,
 *     classifier-free guidance</td></tr>
 * <tr><td>stepCache</td><td>0</td><td>recompute the transformer blocks only after the time embedding
 *     has moved by this fraction (0 to 1) of its total change: faster, less exact; 0 recomputes
 *     them in every step</td></tr>
 * <tr><td>solver</td><td>euler (see preset)</td><td>how a denoising step uses the network's outputs: {@code euler}
 *     (first order), or {@code multistep2} (second order), which needs fewer steps and cannot be
 *     combined with {@code stepCache}</td></tr>
 * <tr><td>height, width</td><td>those of the first source image (text-to-image: 1024)</td><td>output
 *     size in pixels, 32 to 4096</td></tr>
 * <tr><td>maxPixels</td><td>4194304</td><td>largest output, height times width</td></tr>
 * <tr><td>exactSize</td><td>true</td><td>whether the edited image has exactly the size asked for, or
 *     that of the first source image, and is aligned with it; otherwise sides are rounded down to
 *     multiples of 32</td></tr>
 * <tr><td>largeSources</td><td>fit</td><td>for a first source image that is larger than the model
 *     takes or {@code maxPixels}, and no size: {@code fit} (the edited image is smaller), {@code fail} or {@code upscale}
 *     (resized to the size of the source)</td></tr>
 * <tr><td>colour, transparency</td><td>convert, drop</td><td>how source images are read, as the job's
 *     options {@code --colour} and {@code --transparency}</td></tr>
 * <tr><td>keepMetadata</td><td>none</td><td>EXIF of the first source image that the edited image
 *     keeps: {@code none}, {@code exif} or {@code exif+gps}</td></tr>
 * <tr><td>minChange, maxChange</td><td>0.002, 0.95</td><td>limits of the changed fraction, beyond
 *     which an image is flagged</td></tr>
 * <tr><td>retryFlagged</td><td>0</td><td>how often a flagged row is edited again with a seed made from
 *     its own; the best image is kept</td></tr>
 * <tr><td>keepUnchanged</td><td>false</td><td>whether pixels that did not change visibly are replaced
 *     by those of the source</td></tr>
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
 *   <li>image paths in all input columns, or no input columns, and no mask that is a file: the
 *       prompt and the paths as given, combined with {@code seed};
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
 * the rows of all tasks on a device are edited together.
 */
public class ImageEditor extends ImageEditorParams {
  private static final long serialVersionUID = 1L;

  public ImageEditor() {
    this(Identifiable.randomUID("ImageEditor"));
  }

  /**
   * @param uid identifies this stage among the stages of a pipeline
   */
  public ImageEditor(String uid) {
    super(uid);
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
   * The columns of the input and the new ones.
   *
   * @throws IllegalArgumentException if a column is missing, has a wrong type, or exists already
   */
  @Override
  public StructType transformSchema(StructType schema) {
    EditorColumns.of(this, schema);
    return EditorColumns.added(this, schema);
  }

  /**
   * Adds the new columns. Rows are edited when an action asks for them.
   *
   * @throws IllegalArgumentException if columns or parameters do not fit
   * @throws UsageException if a parameter contradicts another, the model folder or an adapter does
   *     not exist, or no model is set on a cluster
   */
  @Override
  public Dataset<Row> transform(Dataset<?> dataset) {
    StructType edited = transformSchema(dataset.schema());
    JavaSparkContext context =
        JavaSparkContext.fromSparkContext(dataset.sparkSession().sparkContext());
    HadoopSettings hadoop = new HadoopSettings(context.hadoopConfiguration());
    ModelRef model = model(context.getConf());
    model.check(hadoop.storage());
    EditorSettings settings = settings(dataset.schema(), hadoop.storage());
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

  private EditorSettings settings(StructType schema, Storage storage) {
    return new EditorSettings(
        EditorColumns.of(this, schema),
        new EditDefaults(
            getSeed(),
            getNumInferenceSteps(),
            getGuidanceScale(),
            optional(height()).map(Integer.class::cast).orElse(null),
            optional(width()).map(Integer.class::cast).orElse(null),
            getMaxPixels(),
            getStepCache(),
            Solver.of(getSolver()).orElseThrow(),
            Preset.of(getPreset()).orElseThrow(),
            getExactSize(),
            LargeSources.of(getLargeSources()).orElseThrow()),
        SourceOptions.of(getColour(), getTransparency(), getKeepMetadata()),
        new QualityOptions(
            new QualityLimits(getMinChange(), getMaxChange()),
            getRetryFlagged(),
            false,
            getKeepUnchanged()),
        new EditorSettings.Output(
            new EditedImageEncoder(
                EditedImageFormat.named(getImageFormat()).orElseThrow(), getQuality(), ""),
            getOutputFormat().equals(PATH) ? outputFolder(storage) : null),
        getBatchSize());
  }

  private String outputFolder(Storage storage) {
    String folder =
        optional(outputPath())
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
    String model = optional(modelUrl()).orElse(null);
    if (getEngine().equals(DjlModel.OWN_ENGINE) && !DjlModel.isReadByDjl(model)) {
      if (model == null && conf.contains("spark.master") && !GpuAssignment.isLocal(conf)) {
        throw new UsageException(
            "Cannot edit on a cluster without modelUrl: the default is "
                + EngineOptions.DEMO_NOTE
                + ". Set modelUrl to a GLM-Image checkpoint, or to demo for the demonstration"
                + " model");
      }
      EngineOptions session = GlmImagePlugin.options(conf);
      WeightsMode mode = optional(weights()).map(WeightsMode::parse).orElse(session.weights());
      return new CheckpointModel(
          new EngineOptions(
              model,
              DeviceName.parse(getDevice()),
              Precision.parse(getPrecision()),
              session.kernels(),
              mode,
              session.cache(),
              false,
              AdapterSpec.parseAll("lora", List.of(getLora())),
              session.memoryCheck(),
              session.gpuMemoryBytes()));
    }
    if (isDefined(weights())) {
      throw new IllegalArgumentException(
          "Cannot use weights "
              + getWeights()
              + ": DJL itself loads "
              + (model == null ? "the model of engine " + getEngine() : model)
              + " on the executors; do not set weights");
    }
    if (getLora().length > 0) {
      throw new IllegalArgumentException(
          "Cannot merge "
              + String.join(", ", getLora())
              + ": DJL itself loads "
              + (model == null ? "the model of engine " + getEngine() : model)
              + " on the executors; do not set lora");
    }
    return new DjlModel(getEngine(), model, Precision.parse(getPrecision()));
  }

  public ImageEditor setInputCols(String... value) {
    set(inputCols(), value);
    return this;
  }

  public ImageEditor setPromptCol(String value) {
    set(promptCol(), value);
    return this;
  }

  public ImageEditor setMaskCol(String value) {
    set(maskCol(), value);
    return this;
  }

  public ImageEditor setIdCol(String value) {
    set(idCol(), value);
    return this;
  }

  public ImageEditor setSeedCol(String value) {
    set(seedCol(), value);
    return this;
  }

  public ImageEditor setOutputCol(String value) {
    set(outputCol(), value);
    return this;
  }

  public ImageEditor setStatusCol(String value) {
    set(statusCol(), value);
    return this;
  }

  public ImageEditor setErrorCol(String value) {
    set(errorCol(), value);
    return this;
  }

  public ImageEditor setFiguresCol(String value) {
    set(figuresCol(), value);
    return this;
  }

  public ImageEditor setEngine(String value) {
    set(engine(), value);
    return this;
  }

  public ImageEditor setModelUrl(String value) {
    set(modelUrl(), value);
    return this;
  }

  public ImageEditor setLora(String... value) {
    set(lora(), value);
    return this;
  }

  public ImageEditor setDevice(String value) {
    set(device(), value);
    return this;
  }

  public ImageEditor setPrecision(String value) {
    set(precision(), value);
    return this;
  }

  public ImageEditor setWeights(String value) {
    set(weights(), value);
    return this;
  }

  public ImageEditor setBatchSize(int value) {
    set(batchSize(), value);
    return this;
  }

  public ImageEditor setNumInferenceSteps(int value) {
    set(numInferenceSteps(), value);
    return this;
  }

  public ImageEditor setGuidanceScale(double value) {
    set(guidanceScale(), value);
    return this;
  }

  public ImageEditor setStepCache(double value) {
    set(stepCache(), value);
    return this;
  }

  public ImageEditor setPreset(String value) {
    set(preset(), value);
    return this;
  }

  public ImageEditor setSolver(String value) {
    set(solver(), value);
    return this;
  }

  public ImageEditor setHeight(int value) {
    set(height(), value);
    return this;
  }

  public ImageEditor setWidth(int value) {
    set(width(), value);
    return this;
  }

  public ImageEditor setMaxPixels(long value) {
    set(maxPixels(), value);
    return this;
  }

  public ImageEditor setExactSize(boolean value) {
    set(exactSize(), value);
    return this;
  }

  public ImageEditor setLargeSources(String value) {
    set(largeSources(), value);
    return this;
  }

  public ImageEditor setColour(String value) {
    set(colour(), value);
    return this;
  }

  public ImageEditor setTransparency(String value) {
    set(transparency(), value);
    return this;
  }

  public ImageEditor setKeepMetadata(String value) {
    set(keepMetadata(), value);
    return this;
  }

  public ImageEditor setSeed(long value) {
    set(seed(), value);
    return this;
  }

  public ImageEditor setMinChange(double value) {
    set(minChange(), value);
    return this;
  }

  public ImageEditor setMaxChange(double value) {
    set(maxChange(), value);
    return this;
  }

  public ImageEditor setRetryFlagged(int value) {
    set(retryFlagged(), value);
    return this;
  }

  public ImageEditor setKeepUnchanged(boolean value) {
    set(keepUnchanged(), value);
    return this;
  }

  public ImageEditor setImageFormat(String value) {
    set(imageFormat(), value);
    return this;
  }

  public ImageEditor setQuality(int value) {
    set(quality(), value);
    return this;
  }

  public ImageEditor setOutputFormat(String value) {
    set(outputFormat(), value);
    return this;
  }

  public ImageEditor setOutputPath(String value) {
    set(outputPath(), value);
    return this;
  }
}
