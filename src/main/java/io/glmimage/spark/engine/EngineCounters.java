package io.glmimage.spark.engine;

import java.io.Serializable;
import org.apache.spark.util.LongAccumulator;

/**
 * How the engines of a run spent their time, counted for the driver.
 *
 * @param busyMicros time with rows in work
 * @param waitMicros time between an engine's first and last row during which no row was there:
 *     source images were being read, or edited images written
 * @param kernels the implementation of each operation of the model
 */
public record EngineCounters(
    LongAccumulator busyMicros, LongAccumulator waitMicros, KernelSelections kernels)
    implements Serializable {
  void add(long busyNanos, long waitNanos) {
    busyMicros.add(busyNanos / 1000);
    waitMicros.add(waitNanos / 1000);
    JobMetrics.get().engine(busyNanos, waitNanos);
  }

  /** The id of the run. */
  long run() {
    return busyMicros.id();
  }
}
