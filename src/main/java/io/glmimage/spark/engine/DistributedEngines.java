package io.glmimage.spark.engine;

import io.glmimage.spark.weights.WeightsHandle;
import io.glmimage.spark.weights.WeightsStatus;
import java.util.Optional;

/** What tasks open engines with. Close it when no task will do so any more. */
public final class DistributedEngines implements AutoCloseable {
  private final EngineFactory engines;
  private final WeightsHandle weights;
  private final boolean owned;

  /**
   * @param weights the model's way to the executors, or null where they have it
   */
  DistributedEngines(EngineFactory engines, WeightsHandle weights) {
    this(engines, weights, true);
  }

  private DistributedEngines(EngineFactory engines, WeightsHandle weights, boolean owned) {
    this.engines = engines;
    this.weights = weights;
    this.owned = owned;
  }

  /** The same for somebody else, who closes nothing. */
  DistributedEngines borrowed() {
    return new DistributedEngines(engines, weights, false);
  }

  public EngineFactory engines() {
    return engines;
  }

  /** How far the model's way to the executors is, where it is sent to them. */
  public Optional<WeightsStatus> status() {
    return weights == null ? Optional.empty() : Optional.of(weights.status());
  }

  @Override
  public void close() {
    if (owned && weights != null) {
      weights.close();
    }
  }
}
