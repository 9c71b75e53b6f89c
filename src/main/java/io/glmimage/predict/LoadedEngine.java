package io.glmimage.predict;

import io.glmimage.error.JobException;
import io.glmimage.kernel.KernelSelection;
import io.glmimage.request.EditResult;
import io.glmimage.request.ResultReceiver;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One engine of {@link LoadedModels}: its turns, its rows, its load, and its use of time. */
final class LoadedEngine {
  private static final Logger LOG = LoggerFactory.getLogger(LoadedEngine.class);

  /** Held for a load and for a round of the queue. Fair, so that every thread gets its turn. */
  private final ReentrantLock turn = new ReentrantLock(true);

  private final LongSupplier nanoTime;
  private final Meter meter = new Meter();
  private final RowQueue queue = new RowQueue(this::edit);

  /** Written by the thread whose turn it is; read by any thread. */
  private volatile EditEngine engine;

  private volatile String description = "no engine";

  // The fields below belong to the thread whose turn it is.
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

  /** The engine, loaded if necessary. The caller must have the turn. */
  EditEngine open(LoadedModels.Opener opener, EngineObserver observer) {
    if (engine == null) {
      if (opener.equals(failed)) {
        throw new JobException(failure.getMessage(), failure);
      }
      try {
        load(opener, observer);
      } catch (RuntimeException e) {
        if (!LoadedModels.isPassing(e)) {
          failed = opener;
          failure = e;
        }
        throw e;
      }
    }
    meter.report(observer);
    return engine;
  }

  /** The rows that wait for this engine. */
  RowQueue queue() {
    return queue;
  }

  /** Edits the rows of a round, alone. */
  private void edit(RowQueue.Round round) {
    turn.lock();
    try {
      EditEngine loaded = engine;
      loaded.edit(round.requests(), new Timed(round, loaded));
    } finally {
      turn.unlock();
    }
  }

  /** Passes on results, and reports the time of each to its caller. */
  private final class Timed implements ResultReceiver {
    private final RowQueue.Round round;
    private final EditEngine loaded;
    private final long begin = nanoTime.getAsLong();
    private long last = begin;

    Timed(RowQueue.Round round, EditEngine loaded) {
      this.round = round;
      this.loaded = loaded;
    }

    @Override
    public boolean isWanted(int index) {
      return round.isWanted(index);
    }

    @Override
    public boolean isAnyWanted() {
      return round.isAnyWanted();
    }

    @Override
    public void edited(int index, EditResult result) {
      long now = nanoTime.getAsLong();
      EngineObserver observer = round.observer(index);
      if (observer.run() >= 0) {
        // No task waits between two runs, so that time does not count.
        long waited = last == begin && lastRun == observer.run() ? begin - lastEnd : 0;
        observer.worked(now - last, waited, loaded.kernels());
        lastEnd = now;
        lastRun = observer.run();
      }
      double seconds = (now - last) / 1e9;
      last = now;
      round.edited(index, result, seconds);
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
        load(opener, EngineObserver.NONE);
      }
    } finally {
      turn.unlock();
    }
  }

  private void load(LoadedModels.Opener opener, EngineObserver observer) {
    long start = System.nanoTime();
    engine =
        opener.open(
            (loaded, total) -> {
              meter.loaded(loaded, total);
              meter.report(observer);
            });
    description = engine.description();
    queue.setRowsTogether(engine.rowsTogether());
    LOG.info(
        "Loaded {} in {} s",
        description,
        TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - start));
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

  /** Frees the weights. The engine must have no user; its last round may just be ending. */
  void close() {
    turn.lock();
    try {
      EditEngine loaded = engine;
      engine = null;
      if (loaded != null) {
        loaded.close();
      }
    } catch (RuntimeException e) {
      LOG.warn("Cannot close the engine", e);
    } finally {
      turn.unlock();
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
