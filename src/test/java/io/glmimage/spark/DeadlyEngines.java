package io.glmimage.spark;

import io.glmimage.io.Storage;
import io.glmimage.predict.EditEngine;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import io.glmimage.weights.LoadProgress;
import java.util.List;
import org.apache.spark.sql.SparkSession;

/**
 * Real engines; where the system property {@value #ARMED} is set, a row whose prompt holds {@value
 * #PROMPT} ends the process, as a crash in native code does.
 */
public record DeadlyEngines(ModelEngineFactory model) implements EngineFactory {
  public static final String ARMED = "soak.deadly";
  public static final String PROMPT = "deadly";

  public DeadlyEngines(EngineOptions options) {
    this(new ModelEngineFactory(options));
  }

  @Override
  public EditEngine open(String device, Storage storage) {
    return open(device, storage, LoadProgress.NONE);
  }

  @Override
  public EditEngine open(String device, Storage storage, LoadProgress progress) {
    return new Deadly(model.open(device, storage, progress));
  }

  @Override
  public DistributedEngines distribute(SparkSession spark) {
    if (model.options().model() != null) {
      throw new IllegalStateException("Only the embedded model needs no way to the executors");
    }
    return new DistributedEngines(this, null);
  }

  @Override
  public String modelName() {
    return model.modelName();
  }

  @Override
  public String fingerprint(Storage storage) {
    return model.fingerprint(storage);
  }

  @Override
  public void check(Storage storage) {
    model.check(storage);
  }

  private record Deadly(EditEngine engine) implements EditEngine {
    @Override
    public List<EditResult> edit(List<EditRequest> requests) {
      if (Boolean.getBoolean(ARMED)
          && requests.stream().anyMatch(request -> request.prompt().contains(PROMPT))) {
        Runtime.getRuntime().halt(134);
      }
      return engine.edit(requests);
    }

    @Override
    public String description() {
      return engine.description();
    }

    @Override
    public void close() {
      engine.close();
    }
  }
}
