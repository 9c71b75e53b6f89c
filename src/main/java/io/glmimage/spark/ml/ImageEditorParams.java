package io.glmimage.spark.ml;

import io.glmimage.image.ColourRules;
import io.glmimage.image.KeptMetadata;
import io.glmimage.manifest.EditDefaults;
import io.glmimage.model.OutputLimits;
import io.glmimage.output.EditedImageFormat;
import io.glmimage.quality.QualityLimits;
import io.glmimage.quality.QualityOptions;
import io.glmimage.request.EditRequest;
import io.glmimage.request.LargeSources;
import io.glmimage.request.Preset;
import io.glmimage.request.Sizing;
import io.glmimage.request.Solver;
import io.glmimage.spark.engine.DjlModel;
import io.glmimage.spark.results.EditedImageOptions;
import io.glmimage.spark.weights.WeightsMode;
import io.glmimage.tensor.DeviceName;
import io.glmimage.tensor.Precision;
import io.glmimage.weights.AdapterSpec;
import java.util.List;
import java.util.Optional;
import org.apache.spark.ml.Transformer;
import org.apache.spark.ml.param.BooleanParam;
import org.apache.spark.ml.param.DoubleParam;
import org.apache.spark.ml.param.IntParam;
import org.apache.spark.ml.param.LongParam;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.ParamValidators;
import org.apache.spark.ml.param.StringArrayParam;
import org.apache.spark.ml.util.DefaultParamsWritable;
import scala.Function1;

/**
 * The parameters of {@link ImageEditor}, which explains them, with their defaults and their limits.
 * Spark ML finds a parameter by the method of its name, Python by its getter and setter.
 */
public abstract class ImageEditorParams extends Transformer implements DefaultParamsWritable {
  private static final long serialVersionUID = 1L;

  static final String BINARY = "binary";
  static final String PATH = "path";

  private final String uid;
  private final StringArrayParam inputCols;
  private final Param<String> promptCol;
  private final Param<String> maskCol;
  private final Param<String> idCol;
  private final Param<String> seedCol;
  private final Param<String> outputCol;
  private final Param<String> statusCol;
  private final Param<String> errorCol;
  private final Param<String> figuresCol;
  private final Param<String> engine;
  private final Param<String> modelUrl;
  private final StringArrayParam lora;
  private final Param<String> device;
  private final Param<String> precision;
  private final Param<String> weights;
  private final IntParam batchSize;
  private final IntParam numInferenceSteps;
  private final DoubleParam guidanceScale;
  private final DoubleParam stepCache;
  private final Param<String> preset;
  private final Param<String> solver;
  private final IntParam height;
  private final IntParam width;
  private final LongParam maxPixels;
  private final BooleanParam exactSize;
  private final Param<String> largeSources;
  private final Param<String> colour;
  private final Param<String> transparency;
  private final Param<String> keepMetadata;
  private final LongParam seed;
  private final DoubleParam minChange;
  private final DoubleParam maxChange;
  private final IntParam retryFlagged;
  private final BooleanParam keepUnchanged;
  private final Param<String> imageFormat;
  private final IntParam quality;
  private final Param<String> outputFormat;
  private final Param<String> outputPath;

  /**
   * @param uid identifies this stage among the stages of a pipeline
   */
  @SuppressWarnings("this-escape") // Spark ML's parameters refer to their owner.
  ImageEditorParams(String uid) {
    this.uid = uid;
    inputCols = new StringArrayParam(this, "inputCols", "the columns of the source images");
    promptCol = text("promptCol", "the column of the prompts");
    maskCol = text("maskCol", "the column of the masks, whose white or opaque pixels are edited");
    idCol = text("idCol", "the column of the ids that decide the seeds of rows without one");
    seedCol = text("seedCol", "the column of the seeds");
    outputCol = text("outputCol", "the column for the edited images");
    statusCol = text("statusCol", "the column for OK or FAILED");
    errorCol = text("errorCol", "the column for the error messages");
    figuresCol = text("figuresCol", "the column for the quality figures; empty for none");
    engine = text("engine", "the DJL engine");
    modelUrl =
        text("modelUrl", "the checkpoint folder or DJL model URL; without it, the embedded model");
    lora =
        new StringArrayParam(
            this, "lora", "LoRA adapters that are merged into the model: " + AdapterSpec.SYNTAX);
    device = new Param<>(this, "device", DeviceName.NAMES, is(DeviceName::isValid));
    precision = new Param<>(this, "precision", Precision.NAMES, is(Precision::isValid));
    weights =
        new Param<>(
            this,
            "weights",
            "how the model reaches the executors: " + WeightsMode.SYNTAX,
            is(WeightsMode::isValid));
    batchSize =
        new IntParam(
            this,
            "batchSize",
            "most rows that a task has in memory: read, edited, or waiting to be asked for",
            ParamValidators.gt(0));
    preset =
        new Param<>(
            this,
            "preset",
            "combination of precision, solver and numInferenceSteps: "
                + String.join(", ", Preset.labels()),
            ParamValidators.inArray(Preset.labels()));
    numInferenceSteps =
        new IntParam(
            this,
            "numInferenceSteps",
            "denoising steps",
            ParamValidators.inRange(1, EditDefaults.MAX_STEPS));
    guidanceScale =
        new DoubleParam(
            this,
            "guidanceScale",
            "classifier-free guidance",
            ParamValidators.inRange(0, EditDefaults.MAX_GUIDANCE_SCALE));
    stepCache =
        new DoubleParam(
            this,
            "stepCache",
            "fraction of the schedule over which the output of the transformer blocks is reused",
            ParamValidators.inRange(0, EditDefaults.MAX_STEP_CACHE));
    solver =
        new Param<>(
            this,
            "solver",
            "how a denoising step uses the network's outputs: "
                + String.join(", ", Solver.labels()),
            ParamValidators.inArray(Solver.labels()));
    height =
        new IntParam(
            this,
            "height",
            "output height in pixels",
            ParamValidators.inRange(OutputLimits.MIN_SIDE, OutputLimits.MAX_SIDE));
    width =
        new IntParam(
            this,
            "width",
            "output width in pixels",
            ParamValidators.inRange(OutputLimits.MIN_SIDE, OutputLimits.MAX_SIDE));
    maxPixels =
        new LongParam(
            this,
            "maxPixels",
            "largest output, height times width",
            ParamValidators.gtEq(EditDefaults.MIN_PIXELS));
    exactSize =
        new BooleanParam(this, "exactSize", "whether edited images have exactly the wanted size");
    largeSources =
        new Param<>(
            this,
            "largeSources",
            String.join(", ", LargeSources.labels()),
            ParamValidators.inArray(LargeSources.labels()));
    colour =
        new Param<>(
            this,
            "colour",
            "colour profiles of source images: convert or ignore",
            ParamValidators.inArray(List.of(ColourRules.CONVERT, ColourRules.IGNORE)));
    transparency =
        new Param<>(
            this,
            "transparency",
            "transparent pixels of source images: drop or a background colour",
            is(ColourRules::isTransparency));
    keepMetadata =
        new Param<>(
            this,
            "keepMetadata",
            "what edited images keep of their source images: none, exif or exif+gps",
            ParamValidators.inArray(KeptMetadata.labels()));
    seed = new LongParam(this, "seed", "base of the seeds of rows that give none");
    minChange =
        new DoubleParam(
            this,
            "minChange",
            "changed fraction below which an edited image is UNCHANGED",
            ParamValidators.inRange(0, 1));
    maxChange =
        new DoubleParam(
            this,
            "maxChange",
            "changed fraction above which an edited image may be DESTROYED",
            ParamValidators.inRange(0, 1));
    retryFlagged =
        new IntParam(
            this,
            "retryFlagged",
            "how often a flagged row is edited again with another seed",
            ParamValidators.inRange(0, QualityOptions.MAX_RETRIES));
    keepUnchanged =
        new BooleanParam(
            this,
            "keepUnchanged",
            "whether pixels that did not change visibly are those of the source");
    imageFormat =
        new Param<>(
            this,
            "imageFormat",
            String.join(", ", EditedImageFormat.labels()),
            ParamValidators.inArray(EditedImageFormat.labels()));
    quality =
        new IntParam(this, "quality", "quality of JPEG and WebP", ParamValidators.inRange(1, 100));
    outputFormat =
        new Param<>(
            this,
            "outputFormat",
            BINARY + " or " + PATH,
            ParamValidators.inArray(List.of(BINARY, PATH)));
    outputPath = text("outputPath", "the folder for the output format path");

    setDefault(inputCols, new String[0]);
    setDefault(promptCol, "prompt");
    setDefault(outputCol, "edited");
    setDefault(statusCol, "status");
    setDefault(errorCol, "error");
    setDefault(figuresCol, "figures");
    setDefault(engine, DjlModel.OWN_ENGINE);
    setDefault(lora, new String[0]);
    setDefault(device, DeviceName.AUTO.toString());
    setDefault(batchSize, 8);
    setDefault(preset, Preset.EXACT.label());
    setDefault(precision, Preset.EXACT.precision());
    setDefault(numInferenceSteps, Preset.EXACT.steps());
    setDefault(solver, Preset.EXACT.solver().label());
    setDefault(guidanceScale, EditRequest.DEFAULT_GUIDANCE_SCALE);
    setDefault(stepCache, EditRequest.DEFAULT_STEP_CACHE);
    setDefault(maxPixels, EditDefaults.DEFAULT_MAX_PIXELS);
    setDefault(exactSize, Sizing.DEFAULT.exact());
    setDefault(largeSources, Sizing.DEFAULT.largeSources().label());
    setDefault(colour, ColourRules.CONVERT);
    setDefault(transparency, ColourRules.DROP);
    setDefault(keepMetadata, KeptMetadata.NONE.label());
    setDefault(seed, 0L);
    setDefault(minChange, QualityLimits.DEFAULT_MIN_CHANGE);
    setDefault(maxChange, QualityLimits.DEFAULT_MAX_CHANGE);
    setDefault(retryFlagged, QualityOptions.DEFAULT.retries());
    setDefault(keepUnchanged, QualityOptions.DEFAULT.keepUnchanged());
    setDefault(imageFormat, EditedImageFormat.PNG.label());
    setDefault(quality, EditedImageOptions.DEFAULT_QUALITY);
    setDefault(outputFormat, BINARY);
  }

  @Override
  public String uid() {
    return uid;
  }

  private Param<String> text(String name, String doc) {
    return new Param<>(this, name, doc);
  }

  /** A validator in the form that Spark ML takes. */
  private static Function1<String, Object> is(Function1<String, Object> valid) {
    return valid;
  }

  /** The value of a parameter, if it is set or has a default. */
  <T> Optional<T> optional(Param<T> param) {
    return isDefined(param) ? Optional.of(getOrDefault(param)) : Optional.empty();
  }

  public StringArrayParam inputCols() {
    return inputCols;
  }

  public String[] getInputCols() {
    return getOrDefault(inputCols);
  }

  public Param<String> promptCol() {
    return promptCol;
  }

  public String getPromptCol() {
    return getOrDefault(promptCol);
  }

  public Param<String> maskCol() {
    return maskCol;
  }

  /**
   * @throws java.util.NoSuchElementException if it is not set
   */
  public String getMaskCol() {
    return getOrDefault(maskCol);
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

  public Param<String> seedCol() {
    return seedCol;
  }

  /**
   * @throws java.util.NoSuchElementException if it is not set
   */
  public String getSeedCol() {
    return getOrDefault(seedCol);
  }

  public Param<String> outputCol() {
    return outputCol;
  }

  public String getOutputCol() {
    return getOrDefault(outputCol);
  }

  public Param<String> statusCol() {
    return statusCol;
  }

  public String getStatusCol() {
    return getOrDefault(statusCol);
  }

  public Param<String> errorCol() {
    return errorCol;
  }

  public String getErrorCol() {
    return getOrDefault(errorCol);
  }

  public Param<String> figuresCol() {
    return figuresCol;
  }

  public String getFiguresCol() {
    return getOrDefault(figuresCol);
  }

  public Param<String> engine() {
    return engine;
  }

  public String getEngine() {
    return getOrDefault(engine);
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

  public StringArrayParam lora() {
    return lora;
  }

  public String[] getLora() {
    return getOrDefault(lora);
  }

  public Param<String> device() {
    return device;
  }

  public String getDevice() {
    return getOrDefault(device);
  }

  public Param<String> precision() {
    return precision;
  }

  /** That of the preset if it is not set. */
  public String getPrecision() {
    return isSet(precision) ? getOrDefault(precision) : chosenPreset().precision();
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

  public IntParam batchSize() {
    return batchSize;
  }

  public int getBatchSize() {
    return (int) getOrDefault(batchSize);
  }

  public IntParam numInferenceSteps() {
    return numInferenceSteps;
  }

  /** That of the preset if it is not set. */
  public int getNumInferenceSteps() {
    return isSet(numInferenceSteps)
        ? (int) getOrDefault(numInferenceSteps)
        : chosenPreset().steps();
  }

  public DoubleParam guidanceScale() {
    return guidanceScale;
  }

  public double getGuidanceScale() {
    return (double) getOrDefault(guidanceScale);
  }

  public DoubleParam stepCache() {
    return stepCache;
  }

  public double getStepCache() {
    return (double) getOrDefault(stepCache);
  }

  public Param<String> preset() {
    return preset;
  }

  public String getPreset() {
    return getOrDefault(preset);
  }

  private Preset chosenPreset() {
    return Preset.of(getPreset()).orElseThrow();
  }

  public Param<String> solver() {
    return solver;
  }

  /** That of the preset if it is not set. */
  public String getSolver() {
    return isSet(solver) ? getOrDefault(solver) : chosenPreset().solver().label();
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

  public IntParam width() {
    return width;
  }

  /**
   * @throws java.util.NoSuchElementException if it is not set
   */
  public int getWidth() {
    return (int) getOrDefault(width);
  }

  public LongParam maxPixels() {
    return maxPixels;
  }

  public long getMaxPixels() {
    return (long) getOrDefault(maxPixels);
  }

  public BooleanParam exactSize() {
    return exactSize;
  }

  public boolean getExactSize() {
    return (boolean) getOrDefault(exactSize);
  }

  public Param<String> largeSources() {
    return largeSources;
  }

  public String getLargeSources() {
    return getOrDefault(largeSources);
  }

  public Param<String> colour() {
    return colour;
  }

  public String getColour() {
    return getOrDefault(colour);
  }

  public Param<String> transparency() {
    return transparency;
  }

  public String getTransparency() {
    return getOrDefault(transparency);
  }

  public Param<String> keepMetadata() {
    return keepMetadata;
  }

  public String getKeepMetadata() {
    return getOrDefault(keepMetadata);
  }

  public LongParam seed() {
    return seed;
  }

  public long getSeed() {
    return (long) getOrDefault(seed);
  }

  public DoubleParam minChange() {
    return minChange;
  }

  public double getMinChange() {
    return (double) getOrDefault(minChange);
  }

  public DoubleParam maxChange() {
    return maxChange;
  }

  public double getMaxChange() {
    return (double) getOrDefault(maxChange);
  }

  public IntParam retryFlagged() {
    return retryFlagged;
  }

  public int getRetryFlagged() {
    return (int) getOrDefault(retryFlagged);
  }

  public BooleanParam keepUnchanged() {
    return keepUnchanged;
  }

  public boolean getKeepUnchanged() {
    return (boolean) getOrDefault(keepUnchanged);
  }

  public Param<String> imageFormat() {
    return imageFormat;
  }

  public String getImageFormat() {
    return getOrDefault(imageFormat);
  }

  public IntParam quality() {
    return quality;
  }

  public int getQuality() {
    return (int) getOrDefault(quality);
  }

  public Param<String> outputFormat() {
    return outputFormat;
  }

  public String getOutputFormat() {
    return getOrDefault(outputFormat);
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
}
