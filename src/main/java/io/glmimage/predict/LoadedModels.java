package io.glmimage.predict;

import io.glmimage.error.JobException;
import io.glmimage.error.LostDeviceException;
import io.glmimage.error.WeightsException;
import io.glmimage.kernel.KernelMode;
import io.glmimage.kernel.KernelSelection;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import io.glmimage.tensor.DeviceName;
import io.glmimage.tensor.Precision;
import io.glmimage.weights.LoadProgress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The engines of a process, one for each {@link Key}. Weights are loaded once, regardless of the
 * number of tasks and DJL models that use them. Their rows go through one queue.
 *
 * <p>There are two ways to use an engine:
 *
 * <ul>
 *   <li>{@link #client} and {@link #use}: the engine stays loaded until {@link #closeAll}, because
 *       the next task needs the same model.
 *   <li>{@link #share}: the caller closes its share. The engine is closed with its last share,
 *       unless {@link #use} keeps it. A share that is {@link Share#abandon abandoned} instead
 *       leaves the engine loaded for {@link #IDLE_TIME}, or until another engine is loaded on its
 *       device.
 * </ul>
 *
 * <p>On one device, engines are loaded and freed one after the other. A load never overlaps the
 * freeing of an unused engine.
 */
public final class LoadedModels {
  private static final Logger LOG = LoggerFactory.getLogger(LoadedModels.class);

  /** The time that an engine without users stays loaded after its last share was abandoned. */
  static final Duration IDLE_TIME = Duration.ofMinutes(5);

  private static final LoadedModels PROCESS =
      new LoadedModels(
          System::nanoTime,
          CompletableFuture.delayedExecutor(IDLE_TIME.toSeconds(), TimeUnit.SECONDS));

  /** How often a waiting caller reports the progress of the load. */
  private static final long REPORT_MILLIS = 500;

  /** The time that {@link #closeAll} waits for rows in work. */
  private static final long CLOSE_WAIT_SECONDS = 5;

  static {
    try {
      Runtime.getRuntime().addShutdownHook(new Thread(PROCESS::closeAll));
    } catch (IllegalStateException e) {
      // A process that was told to end before it loaded a model has nothing to close.
      LOG.debug("No engine is closed at the end of the process, which has begun", e);
    }
  }

  private final LongSupplier nanoTime;
  private final Executor afterIdleTime;

  /** Guarded by this, like the fields of each entry. */
  private final Map<Key, Entry> entries = new HashMap<>();

  /** Held while an engine of the device is loaded or freed. Locked before this, never after. */
  private final Map<DeviceName, ReentrantLock> devices = new ConcurrentHashMap<>();

  /**
   * Identifies an engine.
   *
   * @param model a value that is equal for equal models, such as {@link Checkpoint}
   */
  public record Key(Object model, DeviceName device) {}

  /**
   * A version of a checkpoint folder with a precision, kernels and LoRA adapters.
   *
   * @param version as {@link io.glmimage.weights.CheckpointListing#version}
   * @param adapters the versions of their folders with their scales, in order
   */
  public record Checkpoint(
      String version, Precision precision, KernelMode kernels, List<String> adapters) {
    /** Without adapters. */
    public static Checkpoint of(String version, EngineSettings settings) {
      return of(version, settings, List.of());
    }

    public static Checkpoint of(String version, EngineSettings settings, List<String> adapters) {
      return new Checkpoint(version, settings.precision(), settings.kernels(), adapters);
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

    /** Counts the calls of {@link #enter}, so that an old timer does not close a new use. */
    long uses;

    Entry(LoadedEngine engine) {
      this.engine = engine;
    }

    boolean isIdle() {
      return users == 0 && !kept;
    }
  }

  /**
   * @param nanoTime the clock for work and waiting times
   * @param afterIdleTime runs a task when {@link #IDLE_TIME} has passed
   */
  LoadedModels(LongSupplier nanoTime, Executor afterIdleTime) {
    this.nanoTime = nanoTime;
    this.afterIdleTime = afterIdleTime;
  }

  /** The engines of this process. They are closed when the process ends. */
  public static LoadedModels ofProcess() {
    return PROCESS;
  }

  /**
   * Loads the engine if necessary, and keeps it loaded. A failed load is not repeated for an equal
   * opener, except if the weights did not arrive or the thread was interrupted.
   *
   * @param use is called with the engine, alone
   * @throws JobException if the load failed before, or the thread is interrupted while it waits
   * @throws RuntimeException if the engine cannot be loaded
   */
  public <T> T use(Key key, Opener opener, EngineObserver observer, Function<EditEngine, T> use) {
    Entry entry = enter(key, true);
    try {
      LoadedEngine engine = entry.engine;
      while (!takeTurn(engine, observer)) {
        // Rows are in work, or another caller loads the engine.
      }
      try {
        return use.apply(engine.open(alone(key, opener), observer));
      } finally {
        engine.endTurn();
      }
    } finally {
      leave(key, entry);
    }
  }

  /**
   * As {@link #use}, for a caller that adds rows to the engine's queue.
   *
   * @param observer also receives the caller's share of the engine's time
   * @param failures receives failures of the engine
   * @param coming the number of rows that the caller is about to add, as for {@link Client#coming}
   */
  public Client client(
      Key key, Opener opener, EngineObserver observer, FailureReceiver failures, int coming) {
    Entry entry = enter(key, true);
    RowQueue.Caller caller =
        entry
            .engine
            .queue()
            .caller(
                observer,
                (ids, failure) -> failures.failed(entry.engine.description(), ids, failure),
                coming);
    boolean loaded = false;
    try {
      LoadedEngine engine = entry.engine;
      // Rows of others may be in work as soon as it is loaded, and need not be waited for.
      while (!engine.isLoaded()) {
        if (takeTurn(engine, observer)) {
          try {
            engine.open(alone(key, opener), observer);
          } finally {
            engine.endTurn();
          }
        }
      }
      engine.reportTo(observer);
      loaded = true;
    } finally {
      if (!loaded) {
        caller.close();
        leave(key, entry);
      }
    }
    return new Client(key, entry, caller);
  }

  /**
   * Waits a moment for the turn. A killed task does not wait for other callers.
   *
   * @return whether the caller has the turn
   */
  private static boolean takeTurn(LoadedEngine engine, EngineObserver observer) {
    try {
      if (engine.tryTurn(REPORT_MILLIS, TimeUnit.MILLISECONDS)) {
        return true;
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new JobException("Interrupted while waiting for the model", e);
    }
    engine.reportTo(observer);
    return false;
  }

  /**
   * A share of the engine. The first caller loads the engine while others wait.
   *
   * @throws RuntimeException if the engine cannot be loaded; the next caller tries again
   */
  public Share share(Key key, Opener opener) {
    Entry entry = enter(key, false);
    boolean loaded = false;
    try {
      entry.engine.load(alone(key, opener));
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
   * the engine again, even if the load had failed. If rows in work take too long, their caller
   * closes the engine.
   */
  public void closeAll() {
    Set<DeviceName> devicesInUse = new HashSet<>();
    List<LoadedEngine> busy = new ArrayList<>();
    synchronized (this) {
      entries.forEach(
          (key, entry) -> {
            entry.kept = false;
            devicesInUse.add(key.device());
            if (entry.users > 0) {
              busy.add(entry.engine);
            }
          });
    }
    try {
      for (DeviceName device : devicesInUse) {
        ReentrantLock lock = lockOf(device);
        if (lock.tryLock(CLOSE_WAIT_SECONDS, TimeUnit.SECONDS)) {
          try {
            closeIdle(device, idle -> true);
          } finally {
            lock.unlock();
          }
        }
      }
      for (LoadedEngine engine : busy) {
        if (engine.tryTurn(CLOSE_WAIT_SECONDS, TimeUnit.SECONDS)) {
          engine.endTurn();
        } else {
          // Freeing weights while they are used would crash the process.
          LOG.warn("An engine is busy; it is closed after its rows in work");
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private synchronized Entry enter(Key key, boolean keep) {
    Entry entry = entries.computeIfAbsent(key, k -> new Entry(new LoadedEngine(nanoTime)));
    entry.users++;
    entry.uses++;
    entry.kept |= keep;
    return entry;
  }

  private synchronized void hold(Entry entry) {
    entry.users++;
  }

  private void leave(Key key, Entry entry) {
    synchronized (this) {
      entry.users--;
      if (!entry.isIdle()) {
        return;
      }
    }
    closeIdle(key.device(), idle -> idle == entry);
  }

  private void abandon(Key key, Entry entry) {
    long uses;
    synchronized (this) {
      entry.users--;
      if (!entry.isIdle()) {
        return;
      }
      uses = entry.uses;
    }
    LOG.debug("Model {} has no users; it stays loaded for a while", entry.engine.description());
    afterIdleTime.execute(
        () -> closeIdle(key.device(), idle -> idle == entry && idle.uses == uses));
  }

  /**
   * Wraps an opener, which the engine's own thread calls. It first closes unused engines of the
   * device, and keeps other engines from loading there at the same time.
   */
  private Opener alone(Key key, Opener opener) {
    return new Alone(this, key.device(), opener);
  }

  /** Equal if the wrapped openers are equal. */
  private record Alone(LoadedModels models, DeviceName device, Opener opener) implements Opener {
    @Override
    public EditEngine open(LoadProgress progress) {
      ReentrantLock lock = models.lockOf(device);
      lock.lock();
      try {
        models.closeIdle(device, idle -> true);
        return opener.open(progress);
      } finally {
        lock.unlock();
      }
    }
  }

  private ReentrantLock lockOf(DeviceName device) {
    return devices.computeIfAbsent(device, d -> new ReentrantLock());
  }

  /** Frees the engines of a device that have no users and satisfy the condition. */
  private void closeIdle(DeviceName device, Predicate<Entry> condition) {
    ReentrantLock lock = lockOf(device);
    lock.lock();
    try {
      List<LoadedEngine> idle = new ArrayList<>();
      synchronized (this) {
        entries
            .entrySet()
            .removeIf(
                at -> {
                  Entry entry = at.getValue();
                  boolean close =
                      at.getKey().device().equals(device)
                          && entry.isIdle()
                          && condition.test(entry);
                  if (close) {
                    idle.add(entry.engine);
                  }
                  return close;
                });
      }
      idle.forEach(LoadedEngine::close);
    } finally {
      lock.unlock();
    }
  }

  /** Whether a failed load may succeed at the next attempt. */
  static boolean isPassing(Throwable failure) {
    // Spark interrupts the thread of a killed task, which ends the read.
    return Thread.currentThread().isInterrupted()
        || failure instanceof WeightsException
        || failure.getCause() instanceof WeightsException;
  }

  /**
   * Receives the result of one row, on a thread of the engine. Must be quick and must not throw.
   */
  @FunctionalInterface
  public interface RowReceiver {
    /**
     * @param seconds time since the engine finished its previous row, or began to work again
     */
    void edited(EditResult result, double seconds);
  }

  /** Receives a failure of the engine, on a thread of the engine. Must not throw. */
  @FunctionalInterface
  public interface FailureReceiver {
    /**
     * @param engine its description
     * @param ids of the client's rows that have failed
     * @param failure a {@link LostDeviceException} if the device is lost
     */
    void failed(String engine, List<String> ids, Throwable failure);
  }

  /**
   * A caller that adds rows to the queue of an engine. Rows of all clients are edited in the order
   * of their arrival, as many together as is good for the engine. Any thread may add rows.
   */
  public final class Client implements AutoCloseable {
    private final Key key;
    private final Entry entry;
    private final RowQueue.Caller caller;
    private final AtomicBoolean closed = new AtomicBoolean();

    private Client(Key key, Entry entry, RowQueue.Caller caller) {
      this.key = key;
      this.entry = entry;
      this.caller = caller;
    }

    /** Adds a row. Does nothing after {@link #close}. */
    public void edit(EditRequest request, RowReceiver receiver) {
      caller.add(request, receiver);
    }

    /**
     * Sets the number of rows that are about to be added, such as those whose images are being
     * read. If there is room for them, the engine waits a moment, so that they are edited together
     * with the rows that are there.
     */
    public void coming(int rows) {
      caller.coming(rows);
    }

    /**
     * Withdraws the rows that have no result yet. Waits only while the engine works on one of them,
     * because the engine cannot be stopped.
     */
    @Override
    public void close() {
      if (!closed.getAndSet(true)) {
        caller.close();
        leave(key, entry);
      }
    }
  }

  /**
   * The results of requests that go through the queue of an engine, in their order.
   *
   * @throws RuntimeException if the engine fails
   */
  private static List<EditResult> edited(Entry entry, List<EditRequest> requests) {
    EditResult[] results = new EditResult[requests.size()];
    CountDownLatch open = new CountDownLatch(results.length);
    AtomicReference<Throwable> failure = new AtomicReference<>();
    RowQueue.Caller caller =
        entry
            .engine
            .queue()
            .caller(
                EngineObserver.NONE,
                (ids, cause) -> {
                  failure.compareAndSet(null, cause);
                  ids.forEach(id -> open.countDown());
                },
                results.length);
    try {
      for (int i = 0; i < results.length; i++) {
        int index = i;
        caller.add(
            requests.get(i),
            (result, seconds) -> {
              results[index] = result;
              open.countDown();
            });
      }
      caller.coming(0);
      awaitUninterruptibly(open);
    } finally {
      caller.close();
    }
    if (failure.get() instanceof Error error) {
      throw error;
    }
    if (failure.get() instanceof RuntimeException cause) {
      throw cause;
    }
    return List.of(results);
  }

  private static void awaitUninterruptibly(CountDownLatch latch) {
    boolean interrupted = false;
    while (true) {
      try {
        latch.await();
        break;
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** One caller's share of an engine. */
  public final class Share implements EditEngine {
    private final Key key;
    private final Entry entry;
    private boolean closed;

    private Share(Key key, Entry entry) {
      this.key = key;
      this.entry = entry;
    }

    @Override
    public List<EditResult> edit(List<EditRequest> requests) {
      synchronized (this) {
        if (closed) {
          throw new IllegalStateException("Cannot edit: the engine is closed");
        }
        // Another thread may close this share meanwhile.
        hold(entry);
      }
      try {
        return edited(entry, requests);
      } catch (LostDeviceException e) {
        TaskDevices.reportLost(e);
        throw e;
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
      if (end()) {
        leave(key, entry);
      }
    }

    /**
     * Ends a share whose owner was garbage-collected. Its next owner probably wants the same model,
     * so the engine stays loaded for a while ({@link LoadedModels#IDLE_TIME}).
     */
    public void abandon() {
      if (end()) {
        LoadedModels.this.abandon(key, entry);
      }
    }

    private synchronized boolean end() {
      boolean open = !closed;
      closed = true;
      return open;
    }
  }
}
