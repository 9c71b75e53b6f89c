package io.glmimage.spark.engine;

import io.glmimage.error.JobException;
import io.glmimage.error.WeightsException;
import io.glmimage.io.Storage;
import io.glmimage.predict.EditEngine;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The engines of this JVM: one for each model and device, loaded by the first task that needs it
 * and shared by all, which take turns in the order in which they come. A load that failed is
 * remembered, unless the weights did not arrive or the task was killed: that may go better next
 * time. Engines are closed when the JVM ends.
 */
public final class ExecutorEngines {
  private static final Logger LOG = LoggerFactory.getLogger(ExecutorEngines.class);
  private static final ConcurrentMap<Key, Slot> SLOTS = new ConcurrentHashMap<>();

  /** How often a task that waits says how far the loading is. */
  private static final long REPORT_MILLIS = 500;

  /** How long the end of the JVM waits for a batch that is still running. */
  private static final long CLOSE_WAIT_SECONDS = 5;

  static {
    Runtime.getRuntime().addShutdownHook(new Thread(ExecutorEngines::closeAll));
  }

  private ExecutorEngines() {}

  /**
   * Runs something with the engine, alone.
   *
   * @throws JobException if the engine cannot be loaded, now or when it was first tried
   */
  static <T> T use(
      EngineFactory factory, String device, Storage storage, Function<EditEngine, T> work) {
    return use(factory, device, storage, null, null, work);
  }

  /**
   * As {@link #use(EngineFactory, String, Storage, Function)}.
   *
   * @param counters are told of the loading by whomever it is done; null where nobody asks
   * @param times are told how long the engine worked and waited; null where nobody asks
   */
  static <T> T use(
      EngineFactory factory,
      String device,
      Storage storage,
      LoadCounters counters,
      EngineCounters times,
      Function<EditEngine, T> work) {
    Slot slot = SLOTS.computeIfAbsent(new Key(factory, device), key -> new Slot());
    try {
      // A killed task must not wait for the others' batches.
      while (!slot.turn.tryLock(REPORT_MILLIS, TimeUnit.MILLISECONDS)) {
        slot.meter.report(counters);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new JobException("Interrupted while waiting for the model", e);
    }
    try {
      EditEngine engine = slot.engine(factory, device, storage, counters);
      slot.meter.report(counters);
      T result = slot.clock.time(times, () -> work.apply(engine));
      if (times != null) {
        times.kernels().add(engine.kernels());
      }
      return result;
    } finally {
      slot.turn.unlock();
    }
  }

  /** How many are loaded now. */
  static int loaded() {
    return (int) SLOTS.values().stream().filter(slot -> slot.engine != null).count();
  }

  /** GPU memory that the loaded engines hold, in bytes. */
  static long deviceMemoryBytes() {
    return SLOTS.values().stream().mapToLong(Slot::deviceMemoryBytes).sum();
  }

  /** Closes all engines; the next use loads again, also where loading had failed. */
  public static void closeAll() {
    List<Key> keys = new ArrayList<>(SLOTS.keySet());
    for (Key key : keys) {
      Slot slot = SLOTS.remove(key);
      if (slot != null) {
        slot.close();
      }
    }
  }

  private record Key(EngineFactory factory, String device) {}

  /** How far a load is; what is new since the last report goes to the next who asks. */
  private static final class Meter {
    private static final int LOG_PERCENT = 10;
    private long total;
    private long loaded;
    private long reportedTotal;
    private long reportedLoaded;
    private long loggedPercent;

    synchronized void loaded(String device, long nowLoaded, long nowTotal) {
      total = nowTotal;
      loaded = nowLoaded;
      long percent = total == 0 ? 100 : loaded * 100 / total;
      if (percent >= loggedPercent + LOG_PERCENT) {
        loggedPercent = percent;
        LOG.info("Loading the model on {}, {} %", device, percent);
      }
    }

    synchronized void report(LoadCounters counters) {
      if (counters != null && (total != reportedTotal || loaded != reportedLoaded)) {
        counters.add(total - reportedTotal, loaded - reportedLoaded);
        reportedTotal = total;
        reportedLoaded = loaded;
      }
    }
  }

  /** How an engine spends its time; only who has the turn uses it. */
  private static final class Clock {
    private long run = -1;
    private long lastEnd;

    <T> T time(EngineCounters times, Supplier<T> work) {
      if (times == null) {
        return work.get();
      }
      long begin = System.nanoTime();
      // Between two runs nobody waits.
      long waited = run == times.run() ? begin - lastEnd : 0;
      try {
        return work.get();
      } finally {
        lastEnd = System.nanoTime();
        run = times.run();
        times.add(lastEnd - begin, waited);
      }
    }
  }

  private static final class Slot {
    /** Fair: no task is overtaken for ever. */
    private final ReentrantLock turn = new ReentrantLock(true);

    private final Meter meter = new Meter();

    private final Clock clock = new Clock();

    // Also read by those who report on it, out of turn.
    private volatile EditEngine engine;
    private JobException failure;

    long deviceMemoryBytes() {
      EditEngine loaded = engine;
      return loaded == null ? 0 : loaded.deviceMemoryBytes();
    }

    EditEngine engine(
        EngineFactory factory, String device, Storage storage, LoadCounters counters) {
      if (failure != null) {
        throw new JobException(failure.getMessage(), failure);
      }
      if (engine == null) {
        long start = System.nanoTime();
        try {
          engine =
              factory.open(
                  device,
                  storage,
                  (loaded, total) -> {
                    meter.loaded(device, loaded, total);
                    meter.report(counters);
                  });
        } catch (RuntimeException | LinkageError e) {
          String name = factory.modelName();
          String message = e.getMessage() == null ? e.toString() : e.getMessage();
          JobException failed =
              new JobException(
                  message.startsWith("Cannot load")
                      ? message
                      : "Cannot load model " + name + " on " + device + ": " + message,
                  e);
          // A killed task's thread is interrupted, which ends its reading: no fault of the model.
          if (!(e instanceof WeightsException) && !Thread.currentThread().isInterrupted()) {
            failure = failed;
          }
          throw failed;
        }
        LOG.info(
            "Loaded {} in {} s",
            engine.description(),
            TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - start));
      }
      return engine;
    }

    void close() {
      boolean mine = false;
      try {
        mine = turn.tryLock(CLOSE_WAIT_SECONDS, TimeUnit.SECONDS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      if (!mine) {
        // Freeing weights under a running batch would crash the JVM; its end frees them anyway.
        LOG.warn("An engine is still busy and is not closed");
        return;
      }
      try {
        if (engine != null) {
          engine.close();
          engine = null;
        }
      } catch (RuntimeException e) {
        LOG.warn("Cannot close the engine", e);
      } finally {
        turn.unlock();
      }
    }
  }
}
