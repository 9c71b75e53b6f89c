package io.glmimage.predict;

import io.glmimage.kernel.KernelSelection;
import java.util.List;

/** Receives what happens to a shared engine while a caller uses it. */
public interface EngineObserver {
  /** Ignores everything. */
  EngineObserver NONE =
      new EngineObserver() {
        @Override
        public long run() {
          return -1;
        }

        @Override
        public void loaded(long moreTotal, long moreLoaded) {
          // Nobody asks.
        }

        @Override
        public void worked(long busyNanos, long waitNanos, List<KernelSelection> kernels) {
          // Nobody asks.
        }
      };

  /** The run that the caller belongs to; negative if its times are not measured. */
  long run();

  /**
   * The load has progressed, whichever caller loads.
   *
   * @param moreTotal bytes to load, since the last report
   * @param moreLoaded bytes loaded, since the last report
   */
  void loaded(long moreTotal, long moreLoaded);

  /**
   * The caller's work has ended.
   *
   * @param busyNanos time in the engine
   * @param waitNanos time since the end of the run's previous work on this engine, during which no
   *     caller used it; 0 for the first work of a run
   * @param kernels the implementation of each operation
   */
  void worked(long busyNanos, long waitNanos, List<KernelSelection> kernels);
}
