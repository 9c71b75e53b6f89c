package io.glmimage.spark.engine;

import java.io.Serializable;
import org.apache.spark.util.LongAccumulator;

/**
 * What the engines of a run did with their time, on its way to the driver.
 *
 * @param busyMicros spent in batches
 * @param waitMicros spent between an engine's first and last batch while no task had one for it:
 *     sources were not there yet, or pictures not yet written
 * @param kernels what the operations of the model ran on
 */
public record EngineCounters(
    LongAccumulator busyMicros, LongAccumulator waitMicros, KernelSelections kernels)
    implements Serializable {
  void add(long busyNanos, long waitNanos) {
    busyMicros.add(busyNanos / 1000);
    waitMicros.add(waitNanos / 1000);
    JobMetrics.get().engine(busyNanos, waitNanos);
  }

  /** Tells a run from another. */
  long run() {
    return busyMicros.id();
  }
}
