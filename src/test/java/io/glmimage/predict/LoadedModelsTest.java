package io.glmimage.predict;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import io.glmimage.error.JobException;
import io.glmimage.kernel.KernelMode;
import io.glmimage.kernel.KernelSelection;
import io.glmimage.request.EditRequest;
import io.glmimage.request.EditResult;
import io.glmimage.spark.engine.ForwardingEngine;
import io.glmimage.tensor.DeviceName;
import io.glmimage.tensor.Precision;
import io.glmimage.weights.LoadProgress;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** Sharing, keeping and closing engines, and the measurement of their time with a fake clock. */
class LoadedModelsTest {
  private static final LoadedModels.Key KEY = new LoadedModels.Key("model", DeviceName.CPU);

  private final AtomicInteger opened = new AtomicInteger();
  private final AtomicInteger closed = new AtomicInteger();
  private final AtomicInteger inside = new AtomicInteger();
  private volatile boolean broken;
  private final AtomicLong now = new AtomicLong();

  /** Time that the engine takes for each call. */
  private volatile long busy;

  /** What would run when the idle time has passed. */
  private final List<Runnable> timers = new ArrayList<>();

  private final LoadedModels models = new LoadedModels(now::get, timers::add);

  /** Equal for equal names. */
  private record Source(String name, LoadedModelsTest test) implements LoadedModels.Opener {
    @Override
    public EditEngine open(LoadProgress progress) {
      return test.load(name, progress);
    }
  }

  private EditEngine load(String name, LoadProgress progress) {
    opened.incrementAndGet();
    progress.loaded(30, 100);
    if (broken) {
      throw new IllegalStateException("out of memory");
    }
    progress.loaded(100, 100);
    return new EditEngine() {
      @Override
      public List<EditResult> edit(List<EditRequest> requests) {
        assertEquals(1, inside.incrementAndGet(), "two callers at once");
        now.addAndGet(busy);
        inside.decrementAndGet();
        return requests.stream().map(r -> EditResult.failed(r.id(), null)).toList();
      }

      @Override
      public String description() {
        return name;
      }

      @Override
      public long deviceMemoryBytes() {
        return 7;
      }

      @Override
      public void close() {
        closed.incrementAndGet();
      }
    };
  }

  private LoadedModels.Opener source(String name) {
    return new Source(name, this);
  }

  private LoadedModels.Share share(LoadedModels.Key key) {
    return models.share(key, source("engine"));
  }

  private String use(String source) {
    return models.use(KEY, source(source), EngineObserver.NONE, EditEngine::description);
  }

  @Test
  void theLastShareClosesTheEngine() {
    EditEngine first = share(KEY);
    EditEngine second = share(KEY);
    assertEquals(1, opened.get());
    first.close();
    first.close();
    assertEquals(0, closed.get(), "the second share is open");
    assertEquals(List.of(), second.edit(List.of()));
    second.close();
    assertEquals(1, closed.get());
    assertEquals(0, models.loaded());
    share(KEY).close();
    assertEquals(2, opened.get());
  }

  @Test
  void aClosedShareCannotEdit() {
    try (EditEngine other = share(KEY)) {
      EditEngine share = share(KEY);
      share.close();
      assertEquals(
          "Cannot edit: the engine is closed",
          assertThrows(IllegalStateException.class, () -> share.edit(List.of())).getMessage());
      assertEquals("engine", share.description());
      assertEquals(List.of(), other.edit(List.of()));
    }
  }

  @Test
  void anAbandonedEngineServesTheNextShare() {
    share(KEY).abandon();
    assertEquals(0, closed.get());
    LoadedModels.Share next = share(KEY);
    assertEquals(1, opened.get());
    timers.forEach(Runnable::run);
    assertEquals(0, closed.get(), "it is in use");
    next.close();
    assertEquals(1, closed.get(), "an explicit close is immediate");
  }

  @Test
  void anAbandonedEngineIsClosedWhenItsIdleTimeIsOver() {
    share(KEY).abandon();
    share(KEY).abandon();
    timers.get(0).run();
    assertEquals(0, closed.get(), "the second share began the time again");
    timers.get(1).run();
    assertEquals(1, closed.get());
    assertEquals(0, models.loaded());
  }

  @Test
  void onlyTheLastAbandonedShareStartsTheIdleTime() {
    LoadedModels.Share first = share(KEY);
    LoadedModels.Share second = share(KEY);
    first.abandon();
    first.close();
    assertEquals(List.of(), timers);
    assertEquals(List.of(), second.edit(List.of()));
    second.abandon();
    assertEquals(1, timers.size());
  }

  @Test
  void anotherModelOnTheDeviceClosesAnAbandonedEngineBeforeItIsLoaded() {
    share(KEY).abandon();
    share(new LoadedModels.Key("model", DeviceName.cuda(0))).abandon();
    LoadedModels.Key other = new LoadedModels.Key("other", DeviceName.CPU);
    try (EditEngine engine =
        models.share(
            other,
            progress -> {
              assertEquals(1, closed.get(), "the CPU's engine only");
              return load("other", progress);
            })) {
      assertEquals("other", engine.description());
      assertEquals(2, models.loaded());
    }
  }

  @Test
  void loadingWaitsUntilTheOldEngineIsFreed() throws Exception {
    CountDownLatch freeing = new CountDownLatch(1);
    CountDownLatch free = new CountDownLatch(1);
    LoadedModels.Share old =
        models.share(
            KEY,
            progress ->
                new ForwardingEngine(load("old", progress)) {
                  @Override
                  public void close() {
                    freeing.countDown();
                    assertTrue(LoadedModelsTest.await(free));
                    super.close();
                  }
                });
    ExecutorService threads = Executors.newFixedThreadPool(2);
    try {
      Future<?> closing = threads.submit(old::close);
      freeing.await();
      Future<Integer> loading =
          threads.submit(
              () -> {
                AtomicInteger closedAtLoad = new AtomicInteger(-1);
                models
                    .share(
                        KEY,
                        progress -> {
                          closedAtLoad.set(closed.get());
                          return load("new", progress);
                        })
                    .close();
                return closedAtLoad.get();
              });
      free.countDown();
      assertEquals(1, loading.get());
      closing.get();
    } finally {
      free.countDown();
      threads.shutdownNow();
    }
  }

  @Test
  void devicesPrecisionsAndVersionsHaveEnginesOfTheirOwn() {
    EngineSettings settings = EngineSettings.of(DeviceName.cuda(0));
    LoadedModels.Key key = key("1", settings);
    assertEquals(key, key("1", EngineSettings.of(DeviceName.cuda(0))));
    List<LoadedModels.Key> others =
        List.of(
            key("2", settings),
            key("1", settings.withDevice(DeviceName.cuda(1))),
            key("1", settings.withPrecision(Precision.FP8)),
            key("1", new EngineSettings(DeviceName.cuda(0), Precision.AUTO, KernelMode.NATIVE)));
    try (EditEngine first = share(key)) {
      assertEquals("engine", first.description());
      for (LoadedModels.Key other : others) {
        assertNotEquals(key, other);
        share(other).close();
      }
    }
    assertEquals(5, opened.get());
    assertEquals(5, closed.get());
  }

  private static LoadedModels.Key key(String version, EngineSettings settings) {
    return new LoadedModels.Key(LoadedModels.Checkpoint.of(version, settings), settings.device());
  }

  @Test
  void anEngineThatIsUsedStaysLoadedUntilCloseAll() {
    assertEquals("engine", use("engine"));
    assertEquals("engine", use("engine"));
    assertEquals(1, opened.get());
    assertEquals(7, models.deviceMemoryBytes());
    models.closeAll();
    assertEquals(1, closed.get());
    assertEquals(0, models.deviceMemoryBytes());
    use("engine");
    assertEquals(2, opened.get());
  }

  @Test
  void tasksAndSharesHaveOneEngine() {
    use("engine");
    EditEngine share = share(KEY);
    assertEquals(1, opened.get());
    share.close();
    assertEquals(0, closed.get(), "the tasks keep it");
    EditEngine another = share(KEY);
    models.closeAll();
    assertEquals(0, closed.get(), "a share is open");
    another.close();
    assertEquals(1, closed.get());
  }

  @Test
  void aFailedLoadOfAShareIsRepeated() {
    broken = true;
    assertThrows(IllegalStateException.class, () -> share(KEY));
    broken = false;
    share(KEY).close();
    assertEquals(2, opened.get());
  }

  @Test
  void aFailedLoadOfATaskIsRepeatedForAnotherSourceOnly() {
    broken = true;
    assertThrows(IllegalStateException.class, () -> use("here"));
    broken = false;
    assertEquals("out of memory", assertThrows(JobException.class, () -> use("here")).getMessage());
    assertEquals(1, opened.get());
    assertEquals("there", use("there"));
    assertEquals("there", use("here"), "the model is loaded now");
    assertEquals(2, opened.get());
  }

  @Test
  void manyThreadsLoadOnceAndTakeTurns() throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(8);
    try {
      List<Callable<EditEngine>> calls = new ArrayList<>();
      for (int i = 0; i < 32; i++) {
        boolean task = i % 2 == 0;
        calls.add(
            () -> {
              EditEngine share = share(KEY);
              if (task) {
                models.use(
                    KEY, source("engine"), EngineObserver.NONE, engine -> engine.edit(List.of()));
              } else {
                share.edit(List.of());
              }
              return share;
            });
      }
      for (Future<EditEngine> share : threads.invokeAll(calls)) {
        share.get().close();
      }
      assertEquals(1, opened.get());
      models.closeAll();
      assertEquals(1, closed.get());
    } finally {
      threads.shutdownNow();
    }
  }

  /** As the tasks of an executor with two GPUs. The latches open only if both work at once. */
  @Test
  void twoDevicesLoadOnceEachAndWorkAtTheSameTime() throws Exception {
    CountDownLatch loading = new CountDownLatch(2);
    CountDownLatch editing = new CountDownLatch(2);
    Map<DeviceName, AtomicInteger> loads = new ConcurrentHashMap<>();
    ExecutorService threads = Executors.newFixedThreadPool(8);
    try {
      List<Callable<String>> tasks = new ArrayList<>();
      for (int task = 0; task < 8; task++) {
        DeviceName device = DeviceName.cuda(task % 2);
        LoadedModels.Opener opener =
            progress -> {
              loads.computeIfAbsent(device, d -> new AtomicInteger()).incrementAndGet();
              meet(loading);
              return load(device.toString(), progress);
            };
        tasks.add(
            () ->
                models.use(
                    new LoadedModels.Key("model", device),
                    opener,
                    EngineObserver.NONE,
                    engine -> {
                      meet(editing);
                      return engine.description();
                    }));
      }
      List<String> devices = new ArrayList<>();
      for (Future<String> task : threads.invokeAll(tasks)) {
        devices.add(task.get());
      }
      assertEquals(4, Collections.frequency(devices, "cuda:0"), devices.toString());
      assertEquals(4, Collections.frequency(devices, "cuda:1"), devices.toString());
      assertEquals(Set.of(DeviceName.cuda(0), DeviceName.cuda(1)), loads.keySet());
      loads.forEach((device, times) -> assertEquals(1, times.get(), device.toString()));
      assertEquals(14, models.deviceMemoryBytes());
    } finally {
      threads.shutdownNow();
    }
  }

  private static void meet(CountDownLatch latch) {
    latch.countDown();
    try {
      assertTrue(latch.await(1, TimeUnit.MINUTES), "the other device waits");
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void anInterruptedTaskDoesNotWaitForItsTurn() throws Exception {
    CountDownLatch busy = new CountDownLatch(1);
    CountDownLatch end = new CountDownLatch(1);
    ExecutorService threads = Executors.newFixedThreadPool(1);
    try {
      Future<Boolean> batch =
          threads.submit(
              () ->
                  models.use(
                      KEY,
                      source("engine"),
                      EngineObserver.NONE,
                      engine -> {
                        busy.countDown();
                        return await(end);
                      }));
      busy.await();
      Thread.currentThread().interrupt();
      assertEquals(
          "Interrupted while waiting for the model",
          assertThrows(JobException.class, () -> use("engine")).getMessage());
      assertTrue(Thread.interrupted());
      assertFalse(batch.isDone());
      end.countDown();
      assertTrue(batch.get());
    } finally {
      end.countDown();
      threads.shutdownNow();
    }
  }

  private static boolean await(CountDownLatch latch) {
    try {
      latch.await();
      return true;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  /** Collects the reports to one run. */
  private static final class Notes implements EngineObserver {
    private final long run;
    private final List<String> notes = new ArrayList<>();

    Notes(long run) {
      this.run = run;
    }

    @Override
    public long run() {
      return run;
    }

    @Override
    public void loaded(long moreTotal, long moreLoaded) {
      notes.add("loaded " + moreLoaded + " of " + moreTotal);
    }

    @Override
    public void worked(long busyNanos, long waitNanos, List<KernelSelection> kernels) {
      notes.add("busy " + busyNanos + " waited " + waitNanos);
    }
  }

  private static EditRequest request(String id) {
    return new EditRequest(id, "prompt", List.of(), null, null, 1, 1, 1);
  }

  private void row(EngineObserver observer, long pause, long duration) {
    now.addAndGet(pause);
    busy = duration;
    CountDownLatch done = new CountDownLatch(1);
    try (LoadedModels.Client client = client(observer)) {
      client.edit(request("a"), (result, seconds) -> done.countDown());
      assertTrue(await(done));
    }
  }

  private LoadedModels.Client client(EngineObserver observer) {
    return models.client(
        KEY, source("engine"), observer, (engine, ids, e) -> fail("the engine failed", e), 0);
  }

  @Test
  void theRowsOfTasksAndSharesGoThroughOneQueue() throws Exception {
    try (LoadedModels.Client client = client(EngineObserver.NONE);
        LoadedModels.Share share = share(KEY)) {
      List<EditResult> results = Collections.synchronizedList(new ArrayList<>());
      CountDownLatch done = new CountDownLatch(1);
      client.edit(
          request("task"),
          (result, seconds) -> {
            results.add(result);
            done.countDown();
          });
      assertEquals(
          List.of("b", "c"),
          share.edit(List.of(request("b"), request("c"))).stream().map(EditResult::id).toList());
      done.await();
      assertEquals("task", results.get(0).id());
      assertEquals(1, opened.get());
    }
    assertEquals(0, closed.get(), "the task keeps the engine");
  }

  @Test
  void aFailureOfTheEngineReachesTheOwnerOfTheShare() {
    IllegalStateException lost = new IllegalStateException("lost");
    try (EditEngine share =
        models.share(
            KEY,
            progress ->
                new ForwardingEngine(load("engine", progress)) {
                  @Override
                  public List<EditResult> edit(List<EditRequest> requests) {
                    throw lost;
                  }
                })) {
      assertSame(
          lost,
          assertThrows(
              IllegalStateException.class, () -> share.edit(List.of(request("a"), request("b")))));
    }
  }

  @Test
  void anEngineWaitsBetweenTheRowsOfOneRunOnly() {
    Notes first = new Notes(1);
    row(first, 400, 20);
    row(first, 30, 25);
    Notes second = new Notes(2);
    row(second, 500, 10);
    assertEquals(
        List.of("loaded 30 of 100", "loaded 70 of 0", "busy 20 waited 0", "busy 25 waited 30"),
        first.notes);
    assertEquals(List.of("busy 10 waited 0"), second.notes);
  }

  @Test
  void unreportedProgressGoesToTheNextObserver() {
    broken = true;
    assertThrows(IllegalStateException.class, () -> use("here"));
    broken = false;
    Notes notes = new Notes(1);
    models.use(KEY, source("there"), notes, EditEngine::description);
    assertEquals(List.of("loaded 30 of 100", "loaded 70 of 0"), notes.notes);
  }
}
