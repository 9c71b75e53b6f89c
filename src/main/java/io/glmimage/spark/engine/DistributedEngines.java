package io.glmimage.spark.engine;

import io.glmimage.spark.weights.WeightsHandle;
import io.glmimage.spark.weights.WeightsStatus;
import java.util.List;
import java.util.Optional;

/** A model that tasks can open. Close it when no task will open it any more. */
public final class DistributedEngines implements AutoCloseable {
  private final EngineOpener opener;
  private final WeightsHandle weights;
  private final List<WeightsHandle> adapters;
  private final boolean owned;

  /**
   * @param weights the running distribution, or null if the executors have the model
   * @param adapters the running distributions of LoRA adapters
   */
  private DistributedEngines(
      EngineOpener opener, WeightsHandle weights, List<WeightsHandle> adapters, boolean owned) {
    this.opener = opener;
    this.weights = weights;
    this.adapters = adapters;
    this.owned = owned;
  }

  /** A model that every executor has already, or loads itself. */
  public static DistributedEngines ofPresent(EngineOpener opener) {
    return new DistributedEngines(opener, null, List.of(), true);
  }

  /**
   * A model whose weights are on their way to the executors.
   *
   * @param weights null if the executors have them
   * @param adapters of LoRA adapters
   */
  static DistributedEngines of(
      EngineOpener opener, WeightsHandle weights, List<WeightsHandle> adapters) {
    return new DistributedEngines(opener, weights, adapters, true);
  }

  /** The same model, whose {@link #close} leaves the distribution open. */
  DistributedEngines borrowed() {
    return new DistributedEngines(opener, weights, adapters, false);
  }

  public EngineOpener opener() {
    return opener;
  }

  /** The progress of the distribution, if there is one. */
  public Optional<WeightsStatus> status() {
    return weights == null ? Optional.empty() : Optional.of(weights.status());
  }

  @Override
  public void close() {
    if (owned) {
      if (weights != null) {
        weights.close();
      }
      adapters.forEach(WeightsHandle::close);
    }
  }
}
