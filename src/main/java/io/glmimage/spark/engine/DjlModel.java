package io.glmimage.spark.engine;

import ai.djl.MalformedModelException;
import ai.djl.engine.Engine;
import ai.djl.inference.Predictor;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ModelNotFoundException;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.translate.TranslateException;
import io.glmimage.error.JobException;
import io.glmimage.error.UsageException;
import io.glmimage.io.Storage;
import io.glmimage.predict.DjlDevices;
import io.glmimage.predict.EditEngine;
import io.glmimage.predict.GlmImageEngineProvider;
import io.glmimage.predict.GlmImageTranslatorFactory;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import io.glmimage.tensor.DeviceName;
import io.glmimage.tensor.Precision;
import io.glmimage.weights.LoadProgress;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.apache.spark.sql.SparkSession;

/**
 * A model that DJL opens.
 *
 * @param engine name of the DJL engine; engines other than GlmImage need a translator from {@link
 *     EditRequest} to {@link EditResult}
 * @param modelUrl a folder on any Hadoop file system, or a URL that DJL reads ({@code djl:}, {@code
 *     jar:}, {@code http:}, {@code https:}); null for the embedded model
 * @param precision only GlmImage supports others than {@link Precision#AUTO}
 */
public record DjlModel(String engine, String modelUrl, Precision precision)
    implements ModelRef, EngineOpener {
  private static final long serialVersionUID = 1L;

  /** The DJL engine that runs GLM-Image. */
  public static final String OWN_ENGINE = new GlmImageEngineProvider().getEngineName();

  private static final Set<String> DJL_SCHEMES = Set.of("djl", "jar", "http", "https");

  public DjlModel {
    if (EngineOptions.DEMO.equals(modelUrl) && engine.equals(OWN_ENGINE)) {
      modelUrl = null;
    }
  }

  @Override
  public EditEngine open(DeviceName device, Storage storage, LoadProgress progress) {
    boolean own = engine.equals(OWN_ENGINE);
    if (own && !Engine.hasEngine(engine)) {
      // DJL has searched for engines once, perhaps with a class loader that does not see this jar.
      Engine.registerEngine(new GlmImageEngineProvider());
    }
    Criteria.Builder<EditRequest, EditResult> criteria =
        Criteria.builder()
            .setTypes(EditRequest.class, EditResult.class)
            .optEngine(engine)
            .optDevice(DjlDevices.toDevice(device));
    if (own) {
      criteria.optTranslatorFactory(new GlmImageTranslatorFactory());
      criteria.optOption("precision", precision.toString());
    }
    try {
      if (isReadByDjl(modelUrl)) {
        criteria.optModelUrls(modelUrl);
      } else {
        criteria.optModelPath(ModelFolder.local(modelUrl, storage));
      }
      return new Predicting(criteria.build().loadModel());
    } catch (IOException | ModelNotFoundException | MalformedModelException e) {
      throw new JobException("Cannot load model " + modelName() + ": " + e.getMessage(), e);
    }
  }

  /** Whether DJL itself reads a model's URL. False for null. */
  public static boolean isReadByDjl(String modelUrl) {
    int colon = modelUrl == null ? -1 : modelUrl.indexOf(':');
    return colon > 0 && DJL_SCHEMES.contains(modelUrl.substring(0, colon).toLowerCase(Locale.ROOT));
  }

  @Override
  public String modelName() {
    return modelUrl == null ? EngineOptions.EMBEDDED_MODEL : modelUrl;
  }

  @Override
  public String fingerprint(Storage storage) {
    return modelName();
  }

  /** Every executor loads the model itself. */
  @Override
  public DistributedEngines distribute(SparkSession spark) {
    return DistributedEngines.ofPresent(this);
  }

  @Override
  public EngineOpener forSession(SparkSession spark) {
    return this;
  }

  @Override
  public void check(Storage storage) {
    if (precision != Precision.AUTO && !engine.equals(OWN_ENGINE)) {
      throw new UsageException(
          "Cannot compute in " + precision + " with engine " + engine + "; set precision to auto");
    }
    if (modelUrl == null || isReadByDjl(modelUrl)) {
      return;
    }
    try {
      if (!storage.isFolder(modelUrl)) {
        throw new UsageException("Cannot load model: " + modelUrl + " is not a folder");
      }
    } catch (IOException e) {
      throw new UsageException("Cannot load model " + modelUrl + ": " + e.getMessage(), e);
    }
  }

  private static final class Predicting implements EditEngine {
    /** Results come at the end of a call, so that larger calls would keep them back for long. */
    private static final int ROWS_TOGETHER = 8;

    private final ZooModel<EditRequest, EditResult> model;
    private final Predictor<EditRequest, EditResult> predictor;

    Predicting(ZooModel<EditRequest, EditResult> model) {
      this.model = model;
      this.predictor = model.newPredictor();
    }

    @Override
    public List<EditResult> edit(List<EditRequest> requests) {
      try {
        return predictor.batchPredict(requests);
      } catch (TranslateException e) {
        if (e.getCause() instanceof RuntimeException cause) {
          throw cause;
        }
        throw new JobException("Cannot edit: " + e.getMessage(), e);
      }
    }

    @Override
    public int rowsTogether() {
      return ROWS_TOGETHER;
    }

    @Override
    public String description() {
      return model.getName() + " on " + model.getNDManager().getDevice();
    }

    @Override
    public void close() {
      predictor.close();
      model.close();
    }
  }
}
