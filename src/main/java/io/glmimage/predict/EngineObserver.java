package io.glmimage.predict;

import io.glmimage.kernel.KernelSelection;
import java.util.List;

/** Receives the events of a shared engine while a caller uses the engine. */
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
          // Ignored.
        }

        @Override
        public void worked(long busyNanos, long waitNanos, List<KernelSelection> kernels) {
          // Ignored.
        }
      };

  /** The run that the caller belongs to; negative if its times are not measured. */
  long run();

  /**
   * Reports progress of the load, regardless of the caller that loads.
   *
   * @param moreTotal increase of the bytes to load since the last report
   * @param moreLoaded bytes loaded since the last report
   */
  void loaded(long moreTotal, long moreLoaded);

  /**
   * Reports that the caller's work has ended.
   *
   * @param busyNanos time in the engine
   * @param waitNanos time since the end of the run's previous work on this engine, during which no
   *     caller used the engine; 0 for the first work of a run
   * @param kernels the implementation of each operation
   */
  void worked(long busyNanos, long waitNanos, List<KernelSelection> kernels);
}
