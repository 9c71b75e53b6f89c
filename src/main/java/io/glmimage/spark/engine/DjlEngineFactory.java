package io.glmimage.spark.engine;

import ai.djl.Device;
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
import io.glmimage.predict.EditEngine;
import io.glmimage.predict.GlmImageEngineProvider;
import io.glmimage.predict.GlmImageTranslatorFactory;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * Opens a model through DJL.
 *
 * @param engine the DJL engine's name; another than GlmImage must have a translator for {@link
 *     EditRequest} and {@link EditResult}
 * @param modelUrl a folder on any Hadoop file system, or what DJL takes besides ({@code djl:},
 *     {@code jar:}, {@code http:}, {@code https:}); null for the embedded model
 * @param precision {@code auto} or {@code fp8}, which only GlmImage knows
 */
public record DjlEngineFactory(String engine, String modelUrl, String precision)
    implements EngineFactory {
  private static final long serialVersionUID = 1L;

  /** The DJL engine that runs GLM-Image. */
  public static final String OWN_ENGINE = new GlmImageEngineProvider().getEngineName();

  private static final Set<String> DJL_SCHEMES = Set.of("djl", "jar", "http", "https");

  @Override
  public EditEngine open(String device, Storage storage) {
    boolean own = engine.equals(OWN_ENGINE);
    if (own && !Engine.hasEngine(engine)) {
      // DJL looked for engines once, maybe with a class loader that does not see this jar.
      Engine.registerEngine(new GlmImageEngineProvider());
    }
    Criteria.Builder<EditRequest, EditResult> criteria =
        Criteria.builder()
            .setTypes(EditRequest.class, EditResult.class)
            .optEngine(engine)
            .optDevice(device(device));
    if (own) {
      criteria.optTranslatorFactory(new GlmImageTranslatorFactory());
      criteria.optOption("precision", precision);
    }
    try {
      if (isDjls(modelUrl)) {
        criteria.optModelUrls(modelUrl);
      } else {
        criteria.optModelPath(ModelFolder.local(modelUrl, storage));
      }
      return new Predicting(criteria.build().loadModel());
    } catch (IOException | ModelNotFoundException | MalformedModelException e) {
      throw new JobException("Cannot load model " + modelName() + ": " + e.getMessage(), e);
    }
  }

  /** Whether a model's URL is one that DJL itself knows how to read; null is not. */
  public static boolean isDjls(String modelUrl) {
    int colon = modelUrl == null ? -1 : modelUrl.indexOf(':');
    return colon > 0 && DJL_SCHEMES.contains(modelUrl.substring(0, colon).toLowerCase(Locale.ROOT));
  }

  private static Device device(String name) {
    return switch (name) {
      case "auto" -> null;
      case "cpu" -> Device.cpu();
      case "cuda" -> Device.gpu();
      default -> Device.gpu(Integer.parseInt(name.substring("cuda:".length())));
    };
  }

  @Override
  public String modelName() {
    return modelUrl == null ? EngineOptions.EMBEDDED_MODEL : modelUrl;
  }

  @Override
  public void check(Storage storage) {
    if (!precision.equals(EngineOptions.DEFAULT_PRECISION) && !engine.equals(OWN_ENGINE)) {
      throw new UsageException(
          "Cannot compute in " + precision + " with engine " + engine + "; set precision to auto");
    }
    if (modelUrl == null || isDjls(modelUrl)) {
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
