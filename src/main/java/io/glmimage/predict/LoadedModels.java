package io.glmimage.predict;

import io.glmimage.error.JobException;
import io.glmimage.error.WeightsException;
import io.glmimage.kernel.KernelMode;
import io.glmimage.kernel.KernelSelection;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import io.glmimage.tensor.DeviceName;
import io.glmimage.tensor.Precision;
import io.glmimage.weights.LoadProgress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The engines of a process, one for each {@link Key}. Weights are loaded once, regardless of the
 * number of tasks and DJL models that use them. Callers take turns in order of arrival.
 *
 * <p>There are two ways to use an engine:
 *
 * <ul>
 *   <li>{@link #use}: the engine stays loaded until {@link #closeAll}, because the next task needs
 *       the same model.
 *   <li>{@link #share}: the caller closes its share. The engine is closed with its last share,
 *       unless {@link #use} keeps it.
 * </ul>
 */
public final class LoadedModels {
  private static final Logger LOG = LoggerFactory.getLogger(LoadedModels.class);
  private static final LoadedModels PROCESS = new LoadedModels(System::nanoTime);

  /** How often a waiting caller reports the progress of the load. */
  private static final long REPORT_MILLIS = 500;

  /** The time that {@link #closeAll} waits for a running batch. */
  private static final long CLOSE_WAIT_SECONDS = 5;

  static {
    Runtime.getRuntime().addShutdownHook(new Thread(PROCESS::closeAll));
  }

  private final LongSupplier nanoTime;

  /** Guarded by this, like the users of each entry. */
  private final Map<Key, Entry> entries = new HashMap<>();

  /**
   * Identifies an engine.
   *
   * @param model a value that is equal for equal models, such as {@link Checkpoint}
   */
  public record Key(Object model, DeviceName device) {}

  /**
   * A version of a checkpoint folder with a precision and kernels.
   *
   * @param version as {@link io.glmimage.weights.CheckpointListing#version}
   */
  public record Checkpoint(String version, Precision precision, KernelMode kernels) {
    public static Checkpoint of(String version, EngineSettings settings) {
      return new Checkpoint(version, settings.precision(), settings.kernels());
    }
  }

  /** Loads an engine. Equal openers load the same model from the same place. */
  @FunctionalInterface
  public interface Opener {
    EditEngine open(LoadProgress progress);
  }

  private static final class Entry {
    final LoadedEngine engine;
    int users;
    boolean kept;

    Entry(LoadedEngine engine) {
      this.engine = engine;
    }
  }

  /**
   * @param nanoTime the clock for work and waiting times
   */
  LoadedModels(LongSupplier nanoTime) {
    this.nanoTime = nanoTime;
  }

  /** The engines of this process. They are closed when the process ends. */
  public static LoadedModels ofProcess() {
    return PROCESS;
  }

  /**
   * Runs {@code work} with exclusive use of the engine, and keeps the engine loaded. A failed load
   * is not repeated for an equal opener, except if the weights did not arrive or the thread was
   * interrupted.
   *
   * @throws JobException if the load failed before, or the thread is interrupted while it waits
   * @throws RuntimeException if the engine cannot be loaded
   */
  public <T> T use(Key key, Opener opener, EngineObserver observer, Function<EditEngine, T> work) {
    Entry entry = enter(key, true);
    try {
      LoadedEngine engine = entry.engine;
      try {
        // A killed task must not wait for the batches of other tasks.
        while (!engine.tryTurn(REPORT_MILLIS, TimeUnit.MILLISECONDS)) {
          engine.reportTo(observer);
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new JobException("Interrupted while waiting for the model", e);
      }
      try {
        return engine.work(opener, observer, work);
      } finally {
        engine.endTurn();
      }
    } finally {
      leave(key, entry);
    }
  }

  /**
   * A share of the engine. The first caller loads the engine while others wait.
   *
   * @throws RuntimeException if the engine cannot be loaded; the next caller tries again
   */
  public EditEngine share(Key key, Opener opener) {
    Entry entry = enter(key, false);
    boolean loaded = false;
    try {
      entry.engine.load(opener);
      loaded = true;
    } finally {
      if (!loaded) {
        leave(key, entry);
      }
    }
    return new Share(key, entry);
  }

  /** The number of engines that are loaded now. */
  public synchronized int loaded() {
    return (int) entries.values().stream().filter(entry -> entry.engine.isLoaded()).count();
  }

  /** GPU memory of the loaded engines, in bytes. */
  public synchronized long deviceMemoryBytes() {
    return entries.values().stream().mapToLong(entry -> entry.engine.deviceMemoryBytes()).sum();
  }

  /**
   * Closes the engines that {@link #use} keeps, except those with open shares. The next use loads
   * the engine again, even if the load had failed. If a batch takes too long, its caller closes the
   * engine.
   */
  public void closeAll() {
    List<LoadedEngine> idle = new ArrayList<>();
    List<LoadedEngine> busy = new ArrayList<>();
    synchronized (this) {
      entries
          .values()
          .removeIf(
              entry -> {
                entry.kept = false;
                (entry.users == 0 ? idle : busy).add(entry.engine);
                return entry.users == 0;
              });
    }
    idle.forEach(LoadedEngine::close);
    for (LoadedEngine engine : busy) {
      try {
        if (engine.tryTurn(CLOSE_WAIT_SECONDS, TimeUnit.SECONDS)) {
          engine.endTurn();
        } else {
          // Freeing weights under a running batch would crash the process.
          LOG.warn("An engine is busy; it is closed after its batch");
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      }
    }
  }

  private synchronized Entry enter(Key key, boolean keep) {
    Entry entry = entries.computeIfAbsent(key, k -> new Entry(new LoadedEngine(nanoTime)));
    entry.users++;
    entry.kept |= keep;
    return entry;
  }

  private synchronized void hold(Entry entry) {
    entry.users++;
  }

  private void leave(Key key, Entry entry) {
    synchronized (this) {
      entry.users--;
      if (entry.users > 0 || entry.kept) {
        return;
      }
      entries.remove(key, entry);
    }
    entry.engine.close();
  }

  /** Whether a failed load may succeed at the next attempt. */
  static boolean isPassing(Throwable failure) {
    // Spark interrupts the thread of a killed task, which ends the read.
    return Thread.currentThread().isInterrupted()
        || failure instanceof WeightsException
        || failure.getCause() instanceof WeightsException;
  }

  /** One caller's share of an engine. */
  private final class Share implements EditEngine {
    private final Key key;
    private final Entry entry;
    private boolean closed;

    Share(Key key, Entry entry) {
      this.key = key;
      this.entry = entry;
    }

    @Override
    public List<EditResult> edit(List<EditRequest> requests) {
      synchronized (this) {
        if (closed) {
          throw new IllegalStateException("Cannot edit: the engine is closed");
        }
        // Another thread may close this share during the batch.
        hold(entry);
      }
      try {
        return entry.engine.edit(requests);
      } finally {
        leave(key, entry);
      }
    }

    @Override
    public String description() {
      return entry.engine.description();
    }

    @Override
    public List<KernelSelection> kernels() {
      return entry.engine.kernels();
    }

    @Override
    public void close() {
      synchronized (this) {
        if (closed) {
          return;
        }
        closed = true;
      }
      leave(key, entry);
    }
  }
}
