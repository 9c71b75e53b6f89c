package io.glmimage.predict;

import io.glmimage.error.JobException;
import io.glmimage.kernel.KernelSelection;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One engine of {@link LoadedModels}: its turns, its load, and its use of time. */
final class LoadedEngine {
  private static final Logger LOG = LoggerFactory.getLogger(LoadedEngine.class);

  /** Fair, so that every waiting task gets its turn. */
  private final ReentrantLock turn = new ReentrantLock(true);

  private final LongSupplier nanoTime;
  private final Meter meter = new Meter();

  /** Written by the caller whose turn it is; read by any thread. */
  private volatile EditEngine engine;

  private volatile String description = "no engine";

  // The fields below belong to the caller whose turn it is.
  private LoadedModels.Opener failed;
  private RuntimeException failure;
  private long lastRun = -1;
  private long lastEnd;

  LoadedEngine(LongSupplier nanoTime) {
    this.nanoTime = nanoTime;
  }

  boolean tryTurn(long time, TimeUnit unit) throws InterruptedException {
    return turn.tryLock(time, unit);
  }

  void endTurn() {
    turn.unlock();
  }

  void reportTo(EngineObserver observer) {
    meter.report(observer);
  }

  /** Loads the engine if necessary and runs {@code work}. The caller must have the turn. */
  <T> T work(LoadedModels.Opener opener, EngineObserver observer, Function<EditEngine, T> work) {
    if (engine == null) {
      if (opener.equals(failed)) {
        throw new JobException(failure.getMessage(), failure);
      }
      try {
        open(opener, observer);
      } catch (RuntimeException e) {
        if (!LoadedModels.isPassing(e)) {
          failed = opener;
          failure = e;
        }
        throw e;
      }
    }
    meter.report(observer);
    if (observer.run() < 0) {
      return work.apply(engine);
    }
    long begin = nanoTime.getAsLong();
    // No task waits between two runs, so that time does not count.
    long waited = lastRun == observer.run() ? begin - lastEnd : 0;
    try {
      return work.apply(engine);
    } finally {
      lastEnd = nanoTime.getAsLong();
      lastRun = observer.run();
      observer.worked(lastEnd - begin, waited, engine.kernels());
    }
  }

  /** Loads the engine if necessary, even if an earlier load failed. */
  void load(LoadedModels.Opener opener) {
    if (engine != null) {
      return;
    }
    turn.lock();
    try {
      if (engine == null) {
        open(opener, EngineObserver.NONE);
      }
    } finally {
      turn.unlock();
    }
  }

  private void open(LoadedModels.Opener opener, EngineObserver observer) {
    long start = System.nanoTime();
    engine =
        opener.open(
            (loaded, total) -> {
              meter.loaded(loaded, total);
              meter.report(observer);
            });
    description = engine.description();
    LOG.info(
        "Loaded {} in {} s",
        description,
        TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - start));
  }

  List<EditResult> edit(List<EditRequest> requests) {
    turn.lock();
    try {
      return engine.edit(requests);
    } finally {
      turn.unlock();
    }
  }

  boolean isLoaded() {
    return engine != null;
  }

  /** The engine's description, which remains available after {@link #close}. */
  String description() {
    return description;
  }

  List<KernelSelection> kernels() {
    return engine.kernels();
  }

  long deviceMemoryBytes() {
    EditEngine loaded = engine;
    return loaded == null ? 0 : loaded.deviceMemoryBytes();
  }

  /** Frees the weights. The engine must have no user. */
  void close() {
    EditEngine loaded = engine;
    engine = null;
    if (loaded == null) {
      return;
    }
    try {
      loaded.close();
    } catch (RuntimeException e) {
      LOG.warn("Cannot close the engine", e);
    }
  }

  /** The progress of the load. Each report contains only the change since the last report. */
  private static final class Meter {
    private static final int LOG_PERCENT = 10;
    private static final long LOG_NANOS = 5_000_000_000L;
    private long total;
    private long loaded;
    private long reportedTotal;
    private long reportedLoaded;
    private long loggedPercent;
    private long logged = System.nanoTime();

    synchronized void loaded(long nowLoaded, long nowTotal) {
      total = nowTotal;
      loaded = nowLoaded;
      long percent = total == 0 ? 100 : loaded * 100 / total;
      // A small model is loaded before anybody has read a line.
      long now = System.nanoTime();
      if (percent >= loggedPercent + LOG_PERCENT && now - logged >= LOG_NANOS) {
        loggedPercent = percent;
        logged = now;
        LOG.info("Loading the model, {} %", percent);
      }
    }

    synchronized void report(EngineObserver observer) {
      if (observer != EngineObserver.NONE && (total != reportedTotal || loaded != reportedLoaded)) {
        observer.loaded(total - reportedTotal, loaded - reportedLoaded);
        reportedTotal = total;
        reportedLoaded = loaded;
      }
    }
  }
}
