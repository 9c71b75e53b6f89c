package io.glmimage.spark.engine;

import io.glmimage.kernel.KernelSelection;
import io.glmimage.predict.EngineObserver;
import java.util.List;

/** Reports the loads and the times of engines to the driver. */
record TaskObserver(LoadCounters loads, EngineCounters engines) implements EngineObserver {
  @Override
  public long run() {
    return engines.run();
  }

  @Override
  public void loaded(long moreTotal, long moreLoaded) {
    loads.add(moreTotal, moreLoaded);
  }

  @Override
  public void worked(long busyNanos, long waitNanos, List<KernelSelection> kernels) {
    engines.add(busyNanos, waitNanos);
    engines.kernels().add(kernels);
  }
}
